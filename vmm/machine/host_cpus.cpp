#include "vmm/machine/host_cpus.hpp"

#include <algorithm>
#include <cerrno>
#include <numeric>
#include <thread>
#include <utility>

namespace nestbed::vmm {

std::optional<std::vector<std::uint32_t>> allowed_host_cpus() {
    // The kernel refuses a set that has no room for all CPUs that it could have.
    constexpr std::size_t more_than_any_kernel_has = 1 << 10;
    int error = EINVAL;
    std::vector<cpu_set_t> sets;
    while (error == EINVAL && sets.size() < more_than_any_kernel_has) {
        sets.resize(std::max<std::size_t>(1, 2 * sets.size()));
        const bool told = ::sched_getaffinity(0, sets.size() * sizeof(cpu_set_t), sets.data()) == 0;
        error = told ? 0 : errno;
    }
    std::vector<std::uint32_t> result;
    for (std::uint32_t cpu = 0; error == 0 && cpu < sets.size() * CPU_SETSIZE; ++cpu) {
        if (CPU_ISSET(cpu % CPU_SETSIZE, &sets[cpu / CPU_SETSIZE])) {
            result.push_back(cpu);
        }
    }
    return result.empty() ? std::nullopt : std::optional(result);
}

std::vector<std::uint32_t> usable_host_cpus() {
    if (auto allowed = allowed_host_cpus()) {
        return *std::move(allowed);
    }
    std::vector<std::uint32_t> seeming(std::max(1U, std::thread::hardware_concurrency()));
    std::iota(seeming.begin(), seeming.end(), 0U);
    return seeming;
}

}  // namespace nestbed::vmm
