// The `scoreboard` protocol, after `invl_scoreboard` of FreeBSD's amd64 kernel: a request for each
// initiator, and a board of who has carried out whose. And `early-ack`, which differs in when a
// target acknowledges; FreeBSD does so too, and invalidates on its own CPU after it has sent the
// interrupts.
#pragma once

#include <atomic>
#include <cstdint>

#include "platform.hpp"
#include "protocol_names.hpp"

namespace nestbed::shootdown {

/// When a target acknowledges.
enum class Acknowledgement : std::uint8_t {
    after_invalidation,
    /// On entry to the handler, before the invalidation, which still comes before the handler
    /// returns. The initiator is free earlier: between the two the target runs no code but the
    /// handler, so that nothing is accessed through an old translation (an NMI handler that runs
    /// there must not touch user pages). But its page walker is not
    /// bound to code: it may read paging structures at any time, for any address. So a request that
    /// frees tables is refused this, and acknowledged after the invalidation.
    on_entry,
};

/// Every initiator has a request of its own, so that initiators never wait for each other:
/// shootdowns run in parallel. A target carries out the requests of all initiators that have asked
/// it.
///
/// Why no target is missed: as in BasicMailboxShootdown.
///
/// Why a request is not overwritten under a target's eyes: a target touches the request of an
/// initiator only from when it sees itself asked until it says done, and the initiator waits for
/// that.
///
/// Why two interrupts that become one, or one too many, do no harm: the handler goes by the board.
///
/// Why counting past 2^32 does no harm: each pair counts for itself, so that what is asked is never
/// more than one ahead of what is done.
///
/// Why nobody waits for ever: an initiator waits for targets only, and these answer, also while
/// they wait themselves.
template <typename P, Acknowledgement acknowledgement>
requires Platform<P>
class BasicScoreboardShootdown {
  public:
    using Space = typename P::Space;

    explicit constexpr BasicScoreboardShootdown(P& platform) : platform_(platform) {}

    /// Call it with interrupts on and after the tables were changed. When it returns, no CPU uses
    /// an old translation of what was asked.
    void shoot(Space& space, const Request& request) {
        const std::uint32_t self = platform_.current_cpu();
        platform_.invalidate(space, request);
        // The change to the tables before this, the look at the active CPUs after it.
        platform_.fence();
        const CpuSet targets = platform_.active_cpus(space).without(self);
        if (targets.empty()) {
            return;
        }
        Initiator& mine = initiators_[self];
        mine.space = &space;
        mine.request = request;
        targets.for_each([&](std::uint32_t cpu) {
            // Release: for the stores above.
            const std::uint32_t last = mine.asked[cpu].load(std::memory_order_relaxed);
            mine.asked[cpu].store(last + 1, std::memory_order_release);
        });
        platform_.send_interrupt(targets);
        targets.for_each([&](std::uint32_t cpu) {
            const std::uint32_t asked = mine.asked[cpu].load(std::memory_order_relaxed);
            // Acquire: what the target did is over before this sees that it is done.
            while (mine.done[cpu].load(std::memory_order_acquire) != asked) {
                platform_.pause();
            }
        });
    }

    /// On each target, with interrupts off.
    void handle_interrupt() {
        const std::uint32_t self = platform_.current_cpu();
        for (std::uint32_t cpu = 0; cpu < platform_.cpu_count(); ++cpu) {
            Initiator& initiator = initiators_[cpu];
            const std::uint32_t asked = initiator.asked[self].load(std::memory_order_acquire);
            if (asked != initiator.done[self].load(std::memory_order_relaxed)) {
                carry_out(initiator, initiator.done[self], asked);
            }
        }
    }

  private:
    template <typename T>
    using Atomic = typename P::template Atomic<T>;

    struct alignas(64) Initiator {
        Space* space = nullptr;
        Request request{};
        Atomic<std::uint32_t> asked[P::max_cpus] = {};  ///< by target: how often it was asked
        Atomic<std::uint32_t> done[P::max_cpus] = {};   ///< by target: how often it was done
    };

    void carry_out(const Initiator& initiator, Atomic<std::uint32_t>& done, std::uint32_t asked) {
        // Copies: after the acknowledgement the request is the initiator's again.
        Space& space = *initiator.space;
        const Request request = initiator.request;
        const bool early = acknowledgement == Acknowledgement::on_entry && !request.frees_tables;
        if (early) {
            // Release: every access that this CPU made through the old translation comes before.
            done.store(asked, std::memory_order_release);
        }
        platform_.invalidate(space, request);
        if (!early) {
            // Release: the invalidation comes before.
            done.store(asked, std::memory_order_release);
        }
    }

    P& platform_;
    Initiator initiators_[P::max_cpus];
};

template <typename P>
class ScoreboardShootdown
    : public BasicScoreboardShootdown<P, Acknowledgement::after_invalidation> {
    using BasicScoreboardShootdown<P,
                                   Acknowledgement::after_invalidation>::BasicScoreboardShootdown;

  public:
    static constexpr ProtocolId id = ProtocolId::scoreboard;
};

template <typename P>
class EarlyAckShootdown : public BasicScoreboardShootdown<P, Acknowledgement::on_entry> {
    using BasicScoreboardShootdown<P, Acknowledgement::on_entry>::BasicScoreboardShootdown;

  public:
    static constexpr ProtocolId id = ProtocolId::early_ack;
};

}  // namespace nestbed::shootdown
