#include "vmm/result/trust.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "vmm/base/text.hpp"

namespace nestbed::vmm {

namespace {

void add(Trust& trust, TrustLevel level, std::string remark) {
    trust.level = std::max(trust.level, level);
    trust.remarks.push_back(std::move(remark));
}

/// What runs guests, and translates their addresses.
void judge_execution(Trust& trust, const HostDescription& host, const Calibration& calibration) {
    if (host.emulated) {
        add(trust, TrustLevel::rough,
            fmt::format("This machine is emulated in software, by {}: every timing is one of the "
                        "emulation, and compares with others of it at best.",
                        host.emulated->emulator));
    }
    // A decrement-and-branch loop takes half a cycle per instruction on hardware, a few at most in
    // a software emulation of all of it, and hundreds in KVM's emulator.
    constexpr double hardware_at_worst = 50;
    const double cycles = calibration.kernel_cycles_per_instruction.value_or(0);
    if (cycles > hardware_at_worst) {
        const std::uint64_t khz = calibration.tsc_khz;
        add(trust, TrustLevel::rough,
            fmt::format(
                "Guests' kernel mode (CPL 0) is interpreted here, at about {:.0f} cycles{} per "
                "instruction: latencies at CPL 0 are those of KVM's instruction emulator, not "
                "of hardware. User mode (CPL 3) runs at full speed.",
                cycles, khz == 0 ? "" : fmt::format(" ({})", duration(seconds(cycles, khz)))));
    }
    if (host.paging == "pvm" || host.paging == "shadow") {
        add(trust, TrustLevel::with_care,
            "Guest page tables are shadowed by KVM, without nested paging in hardware: changes to "
            "them and first touches of pages cost exits that EPT or NPT would not.");
    }
    if (!host.paging) {
        add(trust, TrustLevel::with_care,
            "It is not known here what translates guests' addresses (/sys/module does not tell): "
            "page faults and walks may cost what they do not with EPT or NPT.");
    }
    if (host.nested && !host.emulated) {
        add(trust, TrustLevel::with_care,
            fmt::format("This host is itself a virtual machine{}, whose cores may be taken away at "
                        "any time: trust minima and medians more than p99 and max.",
                        host.hypervisor ? " (" + *host.hypervisor + ")" : ""));
    }
}

void judge_clock(Trust& trust, const TscDescription& tsc,
                 const std::optional<Calibration>& calibration) {
    const bool constant = tsc.constant.value_or(true);
    if (!constant || !tsc.nonstop.value_or(true)) {
        add(trust, TrustLevel::rough,
            fmt::format("The TSC is not {}: cycles are no measure of time.",
                        constant ? "running on while a core sleeps" : "of constant rate"));
    } else if (!tsc.constant || !tsc.nonstop) {
        add(trust, TrustLevel::with_care,
            "It is not known here whether the TSC is of constant rate and runs on while a core "
            "sleeps (/proc/cpuinfo does not tell): cycles may be no measure of time.");
    }
    if (!tsc.clocksource) {
        add(trust, TrustLevel::with_care,
            "It is not known here what the host's kernel keeps time by (/sys does not tell): it "
            "may have found the TSC unstable.");
    } else if (tsc.clocksource != "tsc") {
        add(trust, TrustLevel::with_care,
            fmt::format("The host's kernel keeps time by {}, not by the TSC: it may have found the "
                        "TSC unstable.",
                        *tsc.clocksource));
    }
    if (calibration && calibration->tsc_khz == 0) {
        add(trust, TrustLevel::with_care,
            "KVM does not say how fast a guest's TSC runs: there are cycles, but no µs.");
    }
    if (const auto measured = calibration ? calibration->measurable_tsc_offset() : std::nullopt) {
        const auto& [offset, bound] = *measured;
        if (static_cast<std::uint64_t>(std::llabs(offset)) > bound) {
            add(trust, TrustLevel::with_care,
                fmt::format("The TSCs of two vCPUs differ by {} ± {} cycles: one-way latencies are "
                            "off by that; round trips are not.",
                            offset, bound));
        }
    }
}

void judge_cores(Trust& trust, std::optional<std::uint32_t> cores, const Calibration& calibration) {
    if (!cores || *cores < 4) {
        add(trust, TrustLevel::with_care,
            fmt::format("{}: with more vCPUs than that, latencies contain waits for the host's "
                        "scheduler.",
                        cores ? "Only " + counted(*cores, "core") + " here"
                              : "It is not known how many cores are here"));
    }
    if (!calibration.ran_side_by_side()) {
        add(trust, TrustLevel::rough,
            "Two vCPUs did not run side by side during the calibration, so that their TSCs could "
            "not "
            "be compared: the machine is busy, or they share a core.");
    }
    // An exit is short and the same each time; what stretches one is another user of the core.
    constexpr std::uint64_t busy = 20;
    const auto exits = calibration.exit_round_trip.value_or(Distribution{});
    if (exits.p99 > busy * exits.p50) {
        add(trust, TrustLevel::with_care,
            "The machine was busy during the calibration: one exit in a hundred took more than "
            "twenty times the median.");
    }
}

}  // namespace

Trust judge_timings(const HostDescription& host, const std::optional<Calibration>& calibration) {
    const Calibration measured = calibration.value_or(Calibration{});
    Trust trust;
    judge_execution(trust, host, measured);
    judge_clock(trust, host.tsc, calibration);
    judge_cores(trust, host.cores, measured);
    if (trust.remarks.empty()) {
        trust.remarks.emplace_back(
            "Hardware runs and translates guests here, and the TSC is steady: figures are the "
            "hardware's.");
    }
    return trust;
}

}  // namespace nestbed::vmm
