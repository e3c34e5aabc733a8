#include "vmm/machine/host_cpus.hpp"

#include <pthread.h>
#include <sched.h>

#include <cstring>
#include <thread>

#include "vmm/base/error.hpp"

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

namespace {

/// Returns 0, or why the kernel refuses (errno).
int set_affinity(std::span<const std::uint32_t> host_cpus) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const std::uint32_t cpu : host_cpus) {
        CPU_SET(cpu, &set);
    }
    return ::pthread_setaffinity_np(::pthread_self(), sizeof set, &set);
}

}  // namespace

void pin_this_thread_to(std::uint32_t host_cpu) {
    if (const int error = set_affinity({&host_cpu, 1})) {
        throw_error(ErrorKind::kernel_refused, "cannot pin a thread to host CPU {}: {}", host_cpu,
                    std::strerror(error));
    }
}

void spread_this_thread_over(std::span<const std::uint32_t> host_cpus) {
    static_cast<void>(set_affinity(host_cpus));
}

}  // namespace nestbed::vmm
