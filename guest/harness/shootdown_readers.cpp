#include "guest/harness/shootdown_readers.hpp"

#include "guest/harness/shootdown_experiment.hpp"
#include "guest/kernel/apic.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/panic.hpp"

namespace nestbed::guest {

GUEST_USER_DATA constinit Announcements announcements{};
GUEST_USER_DATA constinit std::array<ReaderCounts, channel::max_cpus> reader_counts{};

namespace {

/// One look at every page. Always inline: user and kernel mode each need code of their own.
[[gnu::always_inline]] inline void read_pages_once(ReaderCounts& counts) {
    constexpr auto relaxed = std::memory_order_relaxed;
    const auto bump = [](std::atomic<std::uint64_t> & counter) __attribute__((always_inline)) {
        // This CPU is the only writer: no locked instruction needed.
        counter.store(counter.load(relaxed) + 1, relaxed);
    };
    std::uint64_t address = announcements.first_page;
    for (std::uint64_t n = 0; n < announcements.pages; ++n, address += 4096) {
        const std::uint64_t completed = announcements.completed.load(std::memory_order_acquire);
        // Acquire keeps the look at `changed` behind the read that it judges.
        const std::uint64_t seen =
            reinterpret_cast<std::atomic<std::uint64_t>*>(address)->load(std::memory_order_acquire);
        const std::uint64_t changed = announcements.changed.load(std::memory_order_acquire);
        if (seen == poison || seen < completed) {
            bump(counts.violations);
        } else if (seen < changed) {
            bump(counts.stale_reads);
        }
        bump(counts.reads);
        counts.last_seen.store(seen, relaxed);
    }
}

GUEST_USER std::uint64_t read_in_user_mode(std::uint64_t cpu, std::uint64_t) {
    while (announcements.stop.load(std::memory_order_acquire) == 0) {
        read_pages_once(reader_counts[cpu]);
    }
    return 0;
}

}  // namespace

GUEST_USER std::uint64_t store_word(std::uint64_t address, std::uint64_t value) {
    reinterpret_cast<std::atomic<std::uint64_t>*>(address)->store(value, std::memory_order_release);
    return 0;
}

namespace {

void read_in_kernel_mode(ReaderCounts& counts) {
    while (announcements.stop.load(std::memory_order_acquire) == 0) {
        read_pages_once(counts);
        pause();
    }
}

void read_between_sleeps(ReaderCounts& counts) {
    const InterruptsOff guard;
    while (announcements.stop.load(std::memory_order_acquire) == 0) {
        read_pages_once(counts);
        wait_for_interrupt();
    }
}

}  // namespace

void read_until_stopped(TargetState state) {
    const std::uint32_t cpu = this_cpu().index;
    switch (state) {
        case TargetState::user:
            if (!run_user(read_in_user_mode, cpu).returned) {
                panic("a reader in user mode was stopped by an exception");
            }
            return;
        case TargetState::spin:
            read_in_kernel_mode(reader_counts[cpu]);
            return;
        case TargetState::hlt:
            read_between_sleeps(reader_counts[cpu]);
            return;
    }
}

void wait_for_readers(std::uint32_t cpus, std::uint64_t generation, TargetState state) {
    for (std::uint32_t cpu = 1; cpu < cpus; ++cpu) {
        const ReaderCounts& counts = reader_counts[cpu];
        while (counts.last_seen.load(std::memory_order_relaxed) != generation &&
               counts.violations.load(std::memory_order_relaxed) == 0) {
            pause();
        }
    }
    if (state == TargetState::hlt) {
        // From what it saw to HLT a reader has a dozen instructions left; nothing tells from
        // outside when it is past them, so this is ten times that.
        for (int i = 0; i < 120; ++i) {
            pause();
        }
    }
}

void stop_readers(std::uint32_t cpus) {
    announcements.stop.store(1, std::memory_order_release);
    for (std::uint32_t cpu = 1; cpu < cpus; ++cpu) {
        apic::send(cpu, wake_vector);
    }
}

}  // namespace nestbed::guest
