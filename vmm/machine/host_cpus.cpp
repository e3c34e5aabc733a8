#include "vmm/machine/host_cpus.hpp"

#include <sched.h>

#include <thread>

namespace nestbed::vmm {

std::vector<std::uint32_t> usable_host_cpus() {
    cpu_set_t set;
    CPU_ZERO(&set);
    std::vector<std::uint32_t> result;
    if (::sched_getaffinity(0, sizeof set, &set) == 0) {
        for (std::uint32_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
            if (CPU_ISSET(cpu, &set)) {
                result.push_back(cpu);
            }
        }
        return result;
    }
    // A host with more CPUs than a cpu_set_t holds.
    for (std::uint32_t cpu = 0; cpu < std::thread::hardware_concurrency(); ++cpu) {
        result.push_back(cpu);
    }
    return result.empty() ? std::vector<std::uint32_t>{0} : result;
}

}  // namespace nestbed::vmm
