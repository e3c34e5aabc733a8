#include "guest/harness/shootdown_readers.hpp"

#include "guest/kernel/apic.hpp"
#include "guest/kernel/boot.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/panic.hpp"

namespace nestbed::guest {

GUEST_USER_DATA constinit Announcements announcements{};
GUEST_USER_DATA constinit std::array<ReaderCounts, channel::max_cpus> reader_counts{};

namespace {

constexpr auto relaxed = std::memory_order_relaxed;

[[gnu::always_inline]] inline void bump(std::atomic<std::uint64_t>& counter) {
    // Its CPU is the only writer: no locked instruction needed.
    counter.store(counter.load(relaxed) + 1, relaxed);
}

/// One look at every page. Always inline: user and kernel mode each need code of their own.
[[gnu::always_inline]] inline void read_pages_once(ReaderCounts& counts) {
    std::uint64_t address = announcements.first_page;
    for (std::uint64_t n = 0; n < announcements.pages; ++n, address += 4096) {
        // Acquire, both: what they promise about the page is looked for after them.
        const std::uint64_t completed = announcements.completed.load(std::memory_order_acquire);
        const std::uint64_t changed = announcements.changed.load(std::memory_order_acquire);
        const std::uint64_t seen =
            reinterpret_cast<std::atomic<std::uint64_t>*>(address)->load(std::memory_order_acquire);
        if (seen == poison || seen < completed) {
            bump(counts.violations);
        } else if (seen < changed) {
            bump(counts.stale_reads);
        }
        bump(counts.reads);
    }
}

/// A pass that judges what was completed before it.
[[gnu::always_inline]] inline void judge(ReaderCounts& counts) {
    const std::uint64_t completed = announcements.completed.load(std::memory_order_acquire);
    read_pages_once(counts);
    // Release: whoever sees it sees the violations of the pass.
    counts.judged.store(completed, std::memory_order_release);
}

GUEST_USER std::uint64_t judge_until_stopped(std::uint64_t cpu, std::uint64_t) {
    while (announcements.stop.load(std::memory_order_acquire) == 0) {
        judge(reader_counts[cpu]);
    }
    return 0;
}

GUEST_USER std::uint64_t judge_once(std::uint64_t cpu, std::uint64_t) {
    judge(reader_counts[cpu]);
    return 0;
}

void run_reader(UserFunction function) {
    if (!run_user(function, this_cpu().index).returned) {
        panic("a reader in user mode was stopped by an exception");
    }
}

bool has_something_to_judge(const ReaderCounts& counts) {
    return announcements.completed.load(std::memory_order_acquire) != counts.judged.load(relaxed);
}

void spin_in_kernel_mode(ReaderCounts& counts) {
    while (announcements.stop.load(std::memory_order_acquire) == 0) {
        if (has_something_to_judge(counts)) {
            run_reader(judge_once);
        }
        read_pages_once(counts);
        pause();
    }
}

void sleep_between_judgements(ReaderCounts& counts) {
    const InterruptsOff guard;
    while (announcements.stop.load(std::memory_order_acquire) == 0) {
        if (has_something_to_judge(counts)) {
            run_reader(judge_once);
        }
        // A wake-up that was sent since the look is still pending: HLT ends at once.
        wait_for_interrupt();
    }
}

/// Longer than KVM polls for a wake-up before it lets a halted vCPU's thread sleep (halt_poll_ns,
/// 200 µs by default), and than a reader needs to get from its judgement to HLT.
void let_targets_fall_asleep() {
    constexpr std::uint64_t khz_if_unknown = 3'000'000;
    const std::uint64_t khz = boot_info().tsc_khz;
    const std::uint64_t one_millisecond = khz != 0 ? khz : khz_if_unknown;
    const std::uint64_t start = read_tsc();
    while (read_tsc() - start < one_millisecond) {
        pause();
    }
}

}  // namespace

void read_until_stopped(TargetState state) {
    ReaderCounts& counts = reader_counts[this_cpu().index];
    switch (state) {
        case TargetState::user:
            run_reader(judge_until_stopped);
            return;
        case TargetState::spin:
            spin_in_kernel_mode(counts);
            return;
        case TargetState::hlt:
            sleep_between_judgements(counts);
            return;
    }
}

void wait_for_judgement(std::uint32_t cpus, std::uint64_t generation, TargetState state) {
    for (std::uint32_t cpu = 1; cpu < cpus; ++cpu) {
        if (state == TargetState::hlt) {
            apic::send(cpu, wake_vector);
        }
        const ReaderCounts& counts = reader_counts[cpu];
        while (counts.judged.load(std::memory_order_acquire) != generation &&
               counts.violations.load(relaxed) == 0) {
            pause();
        }
    }
    if (state == TargetState::hlt) {
        let_targets_fall_asleep();
    }
}

void stop_readers(std::uint32_t cpus) {
    announcements.stop.store(1, std::memory_order_release);
    for (std::uint32_t cpu = 1; cpu < cpus; ++cpu) {
        apic::send(cpu, wake_vector);
    }
}

}  // namespace nestbed::guest
