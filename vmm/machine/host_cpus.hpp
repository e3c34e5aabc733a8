// The host CPUs that this process may use.
#pragma once

#include <cstdint>
#include <vector>

namespace nestbed::vmm {

/// By number, ascending; never empty.
std::vector<std::uint32_t> usable_host_cpus();

/// The calling thread runs on this one only from now on. Throws Error(bad_input) if it may not.
void pin_this_thread_to(std::uint32_t host_cpu);

}  // namespace nestbed::vmm
