#include "guest/harness/tsc_offset.hpp"

#include <atomic>

#include "guest/kernel/instructions.hpp"
#include "guest/kernel/panic.hpp"
#include "guest/kernel/smp.hpp"
#include "guest/kernel/user.hpp"

namespace nestbed::guest {

namespace {

constexpr std::uint64_t rounds = 50;

struct PingPong {
    alignas(64) std::atomic<std::uint64_t> ping;
    alignas(64) std::atomic<std::uint64_t> pong;
    std::uint64_t answered_at;  ///< by the other's counter; valid for the round in `pong`
    // The fastest round trip:
    alignas(64) std::uint64_t sent_at;
    std::uint64_t round_trip;
    std::uint64_t seen_at;  ///< by the other's counter
};
GUEST_USER_DATA constinit PingPong ball{};

GUEST_USER std::uint64_t send_pings(std::uint64_t, std::uint64_t) {
    ball.round_trip = ~std::uint64_t{0};
    for (std::uint64_t round = 1; round <= rounds; ++round) {
        const std::uint64_t start = read_tsc();
        ball.ping.store(round, std::memory_order_release);
        // Acquire: for `answered_at`.
        while (ball.pong.load(std::memory_order_acquire) != round) {
            pause();
        }
        const std::uint64_t cycles = read_tsc() - start;
        if (cycles < ball.round_trip) {
            ball.round_trip = cycles;
            ball.sent_at = start;
            ball.seen_at = ball.answered_at;
        }
    }
    return 0;
}

GUEST_USER std::uint64_t answer_pings(std::uint64_t, std::uint64_t) {
    for (std::uint64_t round = 1; round <= rounds; ++round) {
        while (ball.ping.load(std::memory_order_acquire) != round) {
            pause();
        }
        ball.answered_at = read_tsc();
        ball.pong.store(round, std::memory_order_release);
    }
    return 0;
}

void run(UserFunction function) {
    if (!run_user(function).returned) {
        panic("user mode could not read the time-stamp counter");
    }
}

}  // namespace

TscOffset measure_tsc_offset(std::uint32_t cpu) {
    ball.ping.store(0, std::memory_order_relaxed);
    ball.pong.store(0, std::memory_order_relaxed);
    const Work answer{[](void*) { run(answer_pings); }, nullptr};
    start_on(cpu, answer);
    run(send_pings);
    wait_for(cpu);
    const std::uint64_t half = ball.round_trip / 2;
    return {static_cast<std::int64_t>(ball.seen_at - (ball.sent_at + half)), half + 1};
}

}  // namespace nestbed::guest
