#include "vmm/diagnose/waiting.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "vmm/memory/virtual_memory.hpp"

namespace nestbed::vmm {

namespace {

using channel::Wait;
using channel::WaitKind;
using CpuList = std::vector<std::uint32_t>;

bool waits(const Wait& wait) {
    return wait.kind == WaitKind::cpu || wait.kind == WaitKind::meeting;
}

bool is_same(const Wait& a, const Wait& b) {
    return a.kind == b.kind &&
           (a.kind == WaitKind::cpu ? a.number == b.number : a.place == b.place);
}

/// "vCPU 1", "vCPUs 0, 2 and 3"
std::string name_cpus(const CpuList& cpus) {
    std::string text = cpus.size() == 1 ? "vCPU " : "vCPUs ";
    for (std::size_t n = 0; n < cpus.size(); ++n) {
        text += fmt::format("{}{}", n == 0 ? "" : n + 1 == cpus.size() ? " and " : ", ", cpus[n]);
    }
    return text;
}

}  // namespace

Waiting::Waiting(const StoppedMachine& machine) : waits_(machine.vcpus.count(), Wait{}) {
    if (!machine.own) {
        return;
    }
    const channel::GuestRuntime& runtime = machine.own->image.note().runtime;
    // The kernel half is in every address space.
    const VirtualMemory memory(machine.memory, machine.own->shared.boot_root);
    for (std::uint64_t cpu = 0; runtime.marks && cpu < waits_.size(); ++cpu) {
        waits_[cpu] = memory
                          .read<Wait>(runtime.marks.address + cpu * runtime.mark_stride +
                                      offsetof(channel::CpuMarks, wait))
                          .value_or(Wait{});
    }
}

bool Waiting::is_waiting(std::uint32_t cpu) const {
    return cpu < waits_.size() && waits(waits_[cpu]);
}

std::uint32_t Waiting::last_to_wait_for() const {
    std::uint32_t cpu = 0;
    // Longer only in a circle.
    for (std::size_t steps = 0; steps < waits_.size() && waits(waits_[cpu]); ++steps) {
        const Wait& wait = waits_[cpu];
        const CpuList absent = absent_from(waiting_like(cpu));
        if (wait.kind == WaitKind::cpu ? wait.number >= waits_.size()
                                       : !is_for_all(wait) || absent.empty()) {
            break;
        }
        cpu = wait.kind == WaitKind::cpu ? wait.number : absent.front();
    }
    return cpu;
}

std::vector<std::string> Waiting::texts() const {
    std::vector<std::string> texts;
    for (std::uint32_t cpu = 0; cpu < waits_.size(); ++cpu) {
        const CpuList together = waiting_like(cpu);
        if (waits(waits_[cpu]) && together.front() == cpu) {
            texts.push_back(text_of(waits_[cpu], together));
        }
    }
    return texts;
}

CpuList Waiting::waiting_like(std::uint32_t cpu) const {
    CpuList cpus;
    for (std::uint32_t other = 0; other < waits_.size(); ++other) {
        if (is_same(waits_[other], waits_[cpu])) {
            cpus.push_back(other);
        }
    }
    return cpus;
}

CpuList Waiting::absent_from(const CpuList& present) const {
    CpuList cpus;
    for (std::uint32_t cpu = 0; cpu < waits_.size(); ++cpu) {
        if (!std::ranges::binary_search(present, cpu)) {
            cpus.push_back(cpu);
        }
    }
    return cpus;
}

std::string Waiting::text_of(const Wait& wait, const CpuList& cpus) const {
    const std::string who =
        fmt::format("{} {}", name_cpus(cpus), cpus.size() == 1 ? "waits" : "wait");
    if (wait.kind == WaitKind::cpu) {
        return fmt::format("{} for vCPU {} (wait_for)", who, wait.number);
    }
    std::string text =
        fmt::format("{} in a Rendezvous: {} of {} have come", who, cpus.size(), wait.number);
    const CpuList absent = absent_from(cpus);
    if (is_for_all(wait) && !absent.empty()) {
        text += fmt::format(", {} {} not", name_cpus(absent), absent.size() == 1 ? "has" : "have");
    }
    return text;
}

}  // namespace nestbed::vmm
