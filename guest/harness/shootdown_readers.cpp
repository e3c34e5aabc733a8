#include "guest/harness/shootdown_readers.hpp"

#include "guest/kernel/apic.hpp"
#include "guest/kernel/boot.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/panic.hpp"

namespace nestbed::guest {

GUEST_USER_DATA constinit std::array<Announcement, max_initiators> announcements{};
GUEST_USER_DATA constinit std::array<Reader, channel::max_cpus> readers{};

namespace {

GUEST_USER_DATA constinit std::atomic<std::uint64_t> stop{0};

constexpr auto relaxed = std::memory_order_relaxed;

[[gnu::always_inline]] inline void bump(std::atomic<std::uint64_t>& counter) {
    // Its CPU is the only writer: no locked instruction needed.
    counter.store(counter.load(relaxed) + 1, relaxed);
}

[[gnu::always_inline]] inline bool stopped() { return stop.load(std::memory_order_acquire) != 0; }

/// One look at every page of a range. Always inline: user and kernel mode each need code of their
/// own.
[[gnu::always_inline]] inline void read_range(Reader& reader, const Announcement& range) {
    std::uint64_t address = range.first_page;
    for (std::uint64_t n = 0; n < range.pages; ++n, address += 4096) {
        // Acquire, both: what they promise about the page is looked for after them.
        const std::uint64_t completed = range.completed.load(std::memory_order_acquire);
        const std::uint64_t changed = range.changed.load(std::memory_order_acquire);
        const std::uint64_t seen =
            reinterpret_cast<std::atomic<std::uint64_t>*>(address)->load(std::memory_order_acquire);
        if (seen == poison || seen < completed) {
            bump(reader.violations);
        } else if (seen < changed) {
            bump(reader.stale_reads);
        }
        bump(reader.reads);
    }
}

template <typename Function>
[[gnu::always_inline]] inline void for_each_range(const Reader& reader, Function&& function) {
    for (std::uint32_t n = reader.first_range; n < reader.first_range + reader.ranges; ++n) {
        function(n);
    }
}

/// A pass that judges what was completed before it.
[[gnu::always_inline]] inline void judge(Reader& reader) {
    for_each_range(
        reader, [&](std::uint32_t range) __attribute__((always_inline)) {
            const std::uint64_t completed =
                announcements[range].completed.load(std::memory_order_acquire);
            read_range(reader, announcements[range]);
            // Release: whoever sees it sees the violations of the pass.
            reader.judged[range].store(completed, std::memory_order_release);
        });
}

GUEST_USER std::uint64_t judge_until_stopped(std::uint64_t cpu, std::uint64_t) {
    while (!stopped()) {
        judge(readers[cpu]);
    }
    return 0;
}

GUEST_USER std::uint64_t judge_once(std::uint64_t cpu, std::uint64_t) {
    judge(readers[cpu]);
    return 0;
}

void run_reader(UserFunction function) {
    if (!run_user(function, this_cpu_index()).returned) {
        panic("a reader in user mode was stopped by an exception");
    }
}

bool has_something_to_judge(const Reader& reader) {
    bool found = false;
    for_each_range(reader, [&](std::uint32_t range) {
        found = found || announcements[range].completed.load(std::memory_order_acquire) !=
                             reader.judged[range].load(relaxed);
    });
    return found;
}

std::uint64_t cycles_of(std::uint64_t microseconds) {
    constexpr std::uint64_t khz_if_unknown = 3'000'000;
    const std::uint64_t khz = boot_info().tsc_khz != 0 ? boot_info().tsc_khz : khz_if_unknown;
    return microseconds * khz / 1000;
}

void pass(std::uint64_t microseconds, const TargetHooks& hooks) {
    const std::uint64_t cycles = cycles_of(microseconds);
    const std::uint64_t start = read_tsc();
    while (read_tsc() - start < cycles) {
        hooks.poll();
        pause();
    }
}

void spin_in_kernel_mode(Reader& reader, const TargetHooks& hooks) {
    while (!stopped()) {
        if (has_something_to_judge(reader)) {
            read_once();
        }
        for_each_range(reader,
                       [&](std::uint32_t range) { read_range(reader, announcements[range]); });
        hooks.poll();
        pause();
    }
}

void sleep_between_judgements(Reader& reader) {
    const InterruptsOff guard;
    while (!stopped()) {
        if (has_something_to_judge(reader)) {
            // User mode takes wake-ups: what they are about must be looked for again.
            read_once();
            continue;
        }
        // A wake-up that was sent since the looks is still pending: HLT ends at once.
        wait_for_interrupt();
    }
}

void keep_interrupts_off_for_a_while(Reader& reader, const TargetHooks& hooks) {
    constexpr std::uint64_t microseconds = 50;
    while (!stopped()) {
        if (has_something_to_judge(reader)) {
            read_once();
        }
        {
            const InterruptsOff guard;
            pass(microseconds, hooks);
        }
        pause();
    }
}

void wait_lazily_between_judgements(Reader& reader, const TargetHooks& hooks) {
    while (!stopped()) {
        hooks.enter_lazy();
        while (!stopped() && !has_something_to_judge(reader)) {
            hooks.poll();
            pause();
        }
        hooks.leave_lazy();
        read_once();
    }
}

/// Readers in user mode go on where they are.
bool is_judged_where_it_stays(TargetState state) {
    return state == TargetState::user || state == TargetState::descheduled;
}

bool is_awaited(const Reader& reader, const Judgement& judgement) {
    return judgement.range >= reader.first_range &&
           judgement.range < reader.first_range + reader.ranges &&
           reader.judged[judgement.range].load(std::memory_order_acquire) != judgement.generation &&
           reader.violations.load(relaxed) == 0;
}

}  // namespace

void read_once() { run_reader(judge_once); }

bool polls(TargetState state) {
    return state == TargetState::spin || state == TargetState::irqs_off ||
           state == TargetState::lazy;
}

void read_until_stopped(TargetState state, const TargetHooks& hooks) {
    Reader& reader = readers[this_cpu_index()];
    switch (state) {
        case TargetState::user:
        case TargetState::descheduled:
            run_reader(judge_until_stopped);
            return;
        case TargetState::spin:
            spin_in_kernel_mode(reader, hooks);
            return;
        case TargetState::hlt:
            sleep_between_judgements(reader);
            return;
        case TargetState::irqs_off:
            keep_interrupts_off_for_a_while(reader, hooks);
            return;
        case TargetState::lazy:
            wait_lazily_between_judgements(reader, hooks);
            return;
    }
}

void wait_for(const Judgement& judgement, TargetState state, const TargetHooks& hooks) {
    for (std::uint32_t cpu = judgement.first; cpu < judgement.end; ++cpu) {
        if (state == TargetState::hlt) {
            apic::send(cpu, wake_vector);
        }
        while (is_awaited(readers[cpu], judgement)) {
            hooks.poll();
            pause();
        }
    }
    let_targets_settle(state, hooks);
}

void let_targets_settle(TargetState state, const TargetHooks& hooks) {
    // Longer than a reader needs to get from its judgement in user mode to its loop or HLT, and
    // than KVM polls for a wake-up before it lets a halted vCPU's thread sleep (halt_poll_ns,
    // 200 µs by default).
    constexpr std::uint64_t microseconds = 1000;
    if (!is_judged_where_it_stays(state)) {
        pass(microseconds, hooks);
    }
}

void stop_readers(std::uint32_t first, std::uint32_t end) {
    stop.store(1, std::memory_order_release);
    for (std::uint32_t cpu = first; cpu < end; ++cpu) {
        apic::send(cpu, wake_vector);
    }
}

}  // namespace nestbed::guest
