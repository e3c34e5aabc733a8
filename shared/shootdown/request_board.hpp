// A request for each initiator, and a board of who has carried out whose: how several protocols
// hand their requests over.
#pragma once

#include <atomic>
#include <cstdint>

#include "platform.hpp"

namespace nestbed::shootdown {

/// After `invl_scoreboard` of FreeBSD's amd64 kernel. Every initiator has a message of its own, so
/// that initiators never wait for each other: shootdowns run in parallel. A target carries out the
/// messages of all initiators that have asked it.
///
/// Why a message is not overwritten under a target's eyes: a target touches the message of an
/// initiator only from when it sees itself asked until it acknowledges, and the initiator waits for
/// that.
///
/// Why two interrupts that become one, or one too many, do no harm: `answer` goes by the board.
///
/// Why counting past 2^32 does no harm: each pair counts for itself, so that what is asked is never
/// more than one ahead of what is done.
///
/// Why nobody waits for ever: an initiator waits for targets only, and these answer, also while
/// they wait themselves.
template <Platform P, typename Message>
class RequestBoard {
  public:
    explicit constexpr RequestBoard(P& platform) : platform_(platform) {}

    /// Asks these CPUs, which the caller then interrupts and waits for.
    void post(const Message& message, CpuSet targets) {
        Initiator& mine = initiators_[platform_.current_cpu()];
        mine.message = message;
        targets.for_each([&](std::uint32_t cpu) {
            // Release: for the message.
            const std::uint32_t last = mine.asked[cpu].load(std::memory_order_relaxed);
            mine.asked[cpu].store(last + 1, std::memory_order_release);
        });
    }

    /// Whether a CPU has acknowledged what the calling one asked it last. A hint: only `wait`
    /// orders what comes after.
    bool is_done(std::uint32_t cpu) const {
        const Initiator& mine = initiators_[platform_.current_cpu()];
        return mine.done[cpu].load(std::memory_order_relaxed) ==
               mine.asked[cpu].load(std::memory_order_relaxed);
    }

    /// Returns when all of these have acknowledged.
    void wait(CpuSet targets) {
        const Initiator& mine = initiators_[platform_.current_cpu()];
        targets.for_each([&](std::uint32_t cpu) {
            const std::uint32_t asked = mine.asked[cpu].load(std::memory_order_relaxed);
            // Acquire: what the target did is over before this sees that it is done.
            while (mine.done[cpu].load(std::memory_order_acquire) != asked) {
                platform_.pause();
            }
        });
    }

    /// On a target: `carry_out(message, acknowledge)` for each message that it was asked and has
    /// not acknowledged. It calls `acknowledge()`, once.
    template <typename CarryOut>
    void answer(CarryOut&& carry_out) {
        const std::uint32_t self = platform_.current_cpu();
        for (std::uint32_t cpu = 0; cpu < platform_.cpu_count(); ++cpu) {
            Initiator& initiator = initiators_[cpu];
            const std::uint32_t asked = initiator.asked[self].load(std::memory_order_acquire);
            Atomic<std::uint32_t>& done = initiator.done[self];
            if (asked != done.load(std::memory_order_relaxed)) {
                // A copy: after the acknowledgement the message is the initiator's again.
                const Message message = initiator.message;
                carry_out(message, [&] {
                    // Release: what this CPU did until now comes before, so every access that it
                    // made through an old translation, and an invalidation that is over.
                    done.store(asked, std::memory_order_release);
                });
            }
        }
    }

  private:
    template <typename T>
    using Atomic = typename P::template Atomic<T>;

    struct alignas(64) Initiator {
        Message message{};
        Atomic<std::uint32_t> asked[P::max_cpus] = {};  ///< by target: how often it was asked
        Atomic<std::uint32_t> done[P::max_cpus] = {};   ///< by target: how often it was done
    };

    P& platform_;
    Initiator initiators_[P::max_cpus];
};

}  // namespace nestbed::shootdown
