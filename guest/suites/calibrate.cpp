// What this KVM costs: the VMM runs it for `nestbed doctor` and writes the figures into every JSON
// result (vmm/run/calibrate.cpp, which knows the names of these measurements).
//
// Sampling stops after a time as well as after a number of samples, so that the whole takes less
// than a second also where kernel mode is interpreted or the vCPUs share a core.

#include <atomic>

#include "guest/harness/measure.hpp"
#include "guest/harness/test.hpp"
#include "guest/kernel/apic.hpp"
#include "guest/kernel/hypercall.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/interrupts.hpp"
#include "guest/kernel/smp.hpp"
#include "guest/kernel/user.hpp"
#include "shared/channel/ports.hpp"

namespace nestbed::guest {
namespace {

/// The loop whose instructions are counted: two per round.
[[gnu::always_inline]] inline std::uint64_t timed_loop(std::uint64_t rounds) {
    const std::uint64_t start = read_tsc();
    asm volatile("1: dec %0\n\tjnz 1b" : "+r"(rounds) : : "cc");
    return read_tsc() - start;
}

constexpr std::uint64_t instructions_per_round = 2;

GUEST_USER std::uint64_t timed_loop_in_user_mode(std::uint64_t rounds, std::uint64_t) {
    return timed_loop(rounds);
}

/// Rounds that take long enough for the two RDTSC not to matter, and no longer than that.
std::uint64_t rounds_for(std::uint64_t cycles_of_16_rounds) {
    constexpr std::uint64_t interpreted = 1600;
    return cycles_of_16_rounds > interpreted ? 50 : 20'000;
}

/// Counts samples and time.
class Budget {
  public:
    explicit Budget(std::uint64_t samples) : samples_(samples) {}

    /// True at least once.
    bool allows_another() {
        return taken_++ < samples_ && (taken_ == 1 || read_tsc() - start_ < cycles());
    }

  private:
    static std::uint64_t cycles() {
        constexpr std::uint64_t milliseconds = 80;
        constexpr std::uint64_t likely_khz = 2'000'000;
        const std::uint64_t khz = boot_info().tsc_khz;
        return milliseconds * (khz != 0 ? khz : likely_khz);
    }

    std::uint64_t samples_;
    std::uint64_t taken_ = 0;
    std::uint64_t start_ = read_tsc();
};

GUEST_TEST(calibrate, kernel_instructions, {.tags = "measures"}) {
    static stats::Histogram cycles;
    const std::uint64_t rounds = rounds_for(timed_loop(16));
    for (Budget budget(40); budget.allows_another();) {
        cycles.record(timed_loop(rounds));
    }
    report_measurement("kernel loop", "cycles", cycles,
                       {number("instructions", rounds * instructions_per_round)}, no_claim);
}

GUEST_TEST(calibrate, user_instructions, {.tags = "measures"}) {
    static stats::Histogram cycles;
    const std::uint64_t rounds = rounds_for(run_user(timed_loop_in_user_mode, 16).value());
    for (Budget budget(40); budget.allows_another();) {
        const UserResult result = run_user(timed_loop_in_user_mode, rounds);
        GUEST_REQUIRE(result.returned);
        cycles.record(result.value());
    }
    report_measurement("user loop", "cycles", cycles,
                       {number("instructions", rounds * instructions_per_round)}, no_claim);
}

GUEST_TEST(calibrate, exit, {.tags = "measures"}) {
    static stats::Histogram cycles;
    for (Budget budget(200); budget.allows_another();) {
        const std::uint64_t start = read_tsc();
        out(channel::port::nothing, 0);
        cycles.record(read_tsc() - start);
    }
    report_measurement("exit", "cycles", cycles, {}, no_claim);
}

/// Parameter: `hypercalls`, 1 to make one.
GUEST_TEST(calibrate, hypercall, {.tags = "measures needs-vmcall"}) {
    if (parameter("hypercalls", 0) == 0) {
        GUEST_SKIP("where VMCALL does not come back this hangs: with --set hypercalls=1 only");
    }
    hypercall::nothing();
}

constexpr std::uint8_t ping_vector = 0x80;
constinit std::atomic<std::uint64_t> pongs{0};
constinit std::atomic<bool> stop{false};

/// Sends interrupts to CPU 1, which is in `wait`, and waits for each one's handler to answer.
void measure_ipi(ConstantString name, void (*wait)()) {
    static stats::Histogram cycles;
    set_interrupt_handler(ping_vector, [](TrapFrame&) { pongs.fetch_add(1); });
    run_on_cpus(2, [&](std::uint32_t cpu) {
        if (cpu == 1) {
            wait();
            return;
        }
        for (Budget budget(50); budget.allows_another();) {
            // Time for the target to come back from the handler into its wait.
            for (int i = 0; i < 100; ++i) {
                pause();
            }
            const std::uint64_t before = pongs.load();
            const std::uint64_t start = read_tsc();
            apic::send_to_existing(1, ping_vector);
            while (pongs.load(std::memory_order_acquire) == before) {
                pause();
            }
            cycles.record(read_tsc() - start);
        }
        stop.store(true);
        apic::send(1, ping_vector);
    });
    report_measurement(name, "cycles", cycles, {}, no_claim);
}

GUEST_TEST(calibrate, ipi_to_halted, {.cpus = 2, .tags = "measures"}) {
    measure_ipi("ipi to halted", [] {
        const InterruptsOff guard;
        while (!stop.load()) {
            wait_for_interrupt();
        }
    });
}

GUEST_TEST(calibrate, ipi_to_spinning, {.cpus = 2, .tags = "measures"}) {
    measure_ipi("ipi to spinning", [] {
        while (!stop.load()) {
            pause();
        }
    });
}

// The clocks are compared from user mode, where the exchange takes a few hundred cycles on every
// KVM, and with it the bound on the offset.
struct Exchange {
    // CPU 0's cache line
    alignas(64) std::atomic<std::uint64_t> asked;
    std::atomic<std::uint64_t> over;
    // CPU 1's
    alignas(64) std::atomic<std::uint64_t> answered;
    std::uint64_t answer;  ///< its TSC; published by `answered`
};
GUEST_USER_DATA constinit Exchange exchange{};

GUEST_USER std::uint64_t answer_with_tsc(std::uint64_t, std::uint64_t) {
    std::uint64_t last = 0;
    while (exchange.over.load(std::memory_order_acquire) == 0) {
        const std::uint64_t asked = exchange.asked.load(std::memory_order_acquire);
        if (asked != last) {
            exchange.answer = read_tsc();
            exchange.answered.store(asked, std::memory_order_release);
            last = asked;
        } else {
            pause();
        }
    }
    return 0;
}

/// One question and its answer, with CPU 1's clock in `exchange.answer`. Returns the time between,
/// and leaves CPU 0's clock at the question at `start_address`.
GUEST_USER std::uint64_t ask_for_tsc(std::uint64_t number, std::uint64_t start_address) {
    const std::uint64_t start = read_tsc();
    exchange.asked.store(number, std::memory_order_release);
    while (exchange.answered.load(std::memory_order_acquire) != number) {
        pause();
    }
    const std::uint64_t end = read_tsc();
    *reinterpret_cast<std::uint64_t*>(start_address) = start;
    return end - start;
}

struct TscSample {
    std::uint64_t offset;  ///< CPU 1's clock minus CPU 0's, two's complement
    std::uint64_t round_trip;
};

GUEST_USER_DATA constinit std::uint64_t asked_at = 0;

/// Cristian's algorithm: the answer was given somewhere within the round trip, so the middle of it
/// is at most half of it wrong. The shortest round trip says most.
TscSample compare_clocks(stats::Histogram& round_trips) {
    TscSample best{0, ~std::uint64_t{0}};
    std::uint64_t number = 0;
    for (Budget budget(300); budget.allows_another();) {
        const UserResult result =
            run_user(ask_for_tsc, ++number, reinterpret_cast<std::uint64_t>(&asked_at));
        GUEST_REQUIRE(result.returned);
        const std::uint64_t round_trip = result.value();
        round_trips.record(round_trip);
        if (round_trip < best.round_trip) {
            best = {exchange.answer - (asked_at + round_trip / 2), round_trip};
        }
    }
    return best;
}

GUEST_TEST(calibrate, tsc_offset, {.cpus = 2, .tags = "measures"}) {
    static stats::Histogram round_trips;
    static TscSample best;
    run_on_cpus(2, [](std::uint32_t cpu) {
        if (cpu == 1) {
            run_user(answer_with_tsc).value();
            return;
        }
        best = compare_clocks(round_trips);
        exchange.over.store(1, std::memory_order_release);
    });
    report_measurement("tsc exchange", "cycles", round_trips,
                       {outcome(number("offset", best.offset)),
                        outcome(number("bound", (best.round_trip + 1) / 2))},
                       no_claim);
}

}  // namespace
}  // namespace nestbed::guest
