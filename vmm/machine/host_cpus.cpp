#include "vmm/machine/host_cpus.hpp"

#include <pthread.h>
#include <sched.h>

#include <thread>

namespace nestbed::vmm {

std::vector<std::uint32_t> usable_host_cpus() {
    cpu_set_t set;
    // A host with more CPUs than a cpu_set_t holds does not say.
    const bool known = ::sched_getaffinity(0, sizeof set, &set) == 0;
    const std::uint32_t end = known ? CPU_SETSIZE : std::thread::hardware_concurrency();
    std::vector<std::uint32_t> result;
    for (std::uint32_t cpu = 0; cpu < end; ++cpu) {
        if (!known || CPU_ISSET(cpu, &set)) {
            result.push_back(cpu);
        }
    }
    return result.empty() ? std::vector<std::uint32_t>{0} : result;
}

int spread_this_thread_over(std::span<const std::uint32_t> host_cpus) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const std::uint32_t cpu : host_cpus) {
        CPU_SET(cpu, &set);
    }
    return ::pthread_setaffinity_np(::pthread_self(), sizeof set, &set);
}

}  // namespace nestbed::vmm
