// The host CPUs that this process may use.
#pragma once

#include <cstdint>
#include <vector>

namespace nestbed::vmm {

/// By number, ascending; never empty.
std::vector<std::uint32_t> usable_host_cpus();

}  // namespace nestbed::vmm
