#include "guest/harness/bare_round_trip.hpp"

#include <array>
#include <atomic>

#include "guest/kernel/cpu.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/interrupts.hpp"
#include "shared/channel/abi.hpp"

namespace nestbed::guest {

namespace {

constexpr std::uint8_t bare_vector = 0xE1;

struct alignas(64) Flag {
    std::atomic<std::uint64_t> value{0};
};
constinit Flag asked;
constinit std::array<Flag, channel::max_cpus> answered;

/// Of the message in `asked`; null: none.
constinit const BareFlush* flush_asked = nullptr;

void flush_as_asked() {
    if (flush_asked != nullptr) {
        flush(flush_asked->request, flush_asked->policy);
    }
}

shootdown::CpuSet cpus_between(std::uint32_t first, std::uint32_t end) {
    std::uint64_t bits = 0;
    for (std::uint32_t cpu = first; cpu < end; ++cpu) {
        bits |= shootdown::CpuSet::of(cpu).bits();
    }
    return shootdown::CpuSet(bits);
}

}  // namespace

void set_bare_interrupt_handler() {
    set_interrupt_handler(bare_vector, [](TrapFrame&) { answer_bare_message(); });
}

void answer_bare_message() {
    std::atomic<std::uint64_t>& mine = answered[this_cpu_index()].value;
    // Acquire: for what is asked.
    const std::uint64_t number = asked.value.load(std::memory_order_acquire);
    if (number != mine.load(std::memory_order_relaxed)) {
        flush_as_asked();
        // Release: after the flush.
        mine.store(number, std::memory_order_release);
    }
}

std::uint64_t bare_round_trip(BareRoundTrip kind, Routing routing, std::uint32_t first,
                              std::uint32_t end, const BareFlush* flush_too) {
    const shootdown::CpuSet targets = cpus_between(first, end);
    flush_asked = flush_too;
    const std::uint64_t number = asked.value.load(std::memory_order_relaxed) + 1;
    const std::uint64_t start = read_tsc();
    // Release: as a protocol would, for what is asked.
    asked.value.store(number, std::memory_order_release);
    if (kind == BareRoundTrip::interrupt) {
        send(routing, targets, bare_vector);
    }
    flush_as_asked();
    targets.for_each([&](std::uint32_t cpu) {
        while (answered[cpu].value.load(std::memory_order_acquire) != number) {
            pause();
        }
    });
    const std::uint64_t cycles = read_tsc() - start;
    // The calling CPU may still poll, and find the message: what went with it is gone.
    flush_asked = nullptr;
    return cycles;
}

}  // namespace nestbed::guest
