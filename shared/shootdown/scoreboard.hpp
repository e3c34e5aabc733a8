// The `scoreboard` protocol, after FreeBSD's amd64 kernel: every initiator has a request of its
// own. And `early-ack`, which differs in when a target acknowledges; FreeBSD does so too, and
// invalidates on its own CPU after it has sent the interrupts.
#pragma once

#include <cstdint>

#include "platform.hpp"
#include "request_board.hpp"

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

/// Requests go over a RequestBoard, which says why none is lost or overwritten and why nobody waits
/// for ever.
///
/// Why no target is missed: as in BasicMailboxShootdown.
template <typename P, Acknowledgement acknowledgement>
requires Platform<P>
class BasicScoreboardShootdown {
  public:
    using Space = typename P::Space;

    explicit constexpr BasicScoreboardShootdown(P& platform)
        : platform_(platform), board_(platform) {}

    /// Call it with interrupts on and after the tables were changed. When it returns, no CPU uses
    /// an old translation of what was asked.
    void shoot(Space& space, const Request& request) {
        platform_.invalidate(space, request);
        // The change to the tables before this, the look at the active CPUs after it.
        platform_.fence();
        const CpuSet targets = platform_.active_cpus(space).without(platform_.current_cpu());
        if (targets.empty()) {
            return;
        }
        board_.post({&space, request}, targets);
        platform_.send_interrupt(targets);
        board_.wait(targets);
    }

    /// On each target, with interrupts off.
    void handle_interrupt() {
        board_.answer([&](const Message& message, auto acknowledge) {
            const bool early =
                acknowledgement == Acknowledgement::on_entry && !message.request.frees_tables;
            if (early) {
                acknowledge();
            }
            platform_.invalidate(*message.space, message.request);
            if (!early) {
                acknowledge();
            }
        });
    }

  private:
    struct Message {
        Space* space = nullptr;
        Request request{};
    };

    P& platform_;
    RequestBoard<P, Message> board_;
};

template <typename P>
using ScoreboardShootdown = BasicScoreboardShootdown<P, Acknowledgement::after_invalidation>;

template <typename P>
using EarlyAckShootdown = BasicScoreboardShootdown<P, Acknowledgement::on_entry>;

}  // namespace nestbed::shootdown
