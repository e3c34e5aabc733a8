// The host CPUs that this process may use.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace nestbed::vmm {

/// By number, ascending; never empty.
std::vector<std::uint32_t> usable_host_cpus();

/// The calling thread runs on this one only from now on. Throws Error(bad_input) if it may not.
void pin_this_thread_to(std::uint32_t host_cpu);

/// The calling thread may run on any of these, wherever it was before. Where the host no longer
/// allows that, it stays where it is.
void spread_this_thread_over(std::span<const std::uint32_t> host_cpus);

}  // namespace nestbed::vmm
