// The `nmi` protocol: delivery by non-maskable interrupt, so also to CPUs that have interrupts off.
#pragma once

#include "platform.hpp"
#include "request_board.hpp"

namespace nestbed::shootdown {

template <typename P>
concept NmiPlatform = Platform<P> && requires(P& platform, CpuSet cpus, const Request& request) {
    /// As `send_interrupt`, but by NMI: each calls the protocol's `handle_nmi`. While a CPU handles
    /// one, one more is held back, until IRET; others become one with that (SDM Vol. 3A 6.7.1).
    {platform.send_nmi(cpus)};
    /// Invalidates on the calling CPU, whatever it has loaded.
    {platform.invalidate_always(request)};
};

/// The scoreboard, by NMI. No target keeps an initiator waiting because it has interrupts off.
///
/// Why the handler does not ask which space the CPU has loaded. A CPU that loads a space has
/// interrupts off, but an NMI comes even so, also between its note of the new space and its load of
/// CR3 (ActiveSpaces). A handler that went by the note would find the old space not loaded and
/// acknowledge without an invalidation, and the CPU would go back to code that runs on the old
/// translations. So it always invalidates. If another space is loaded that costs a few of its
/// translations.
///
/// Why NMIs that become one do no harm: the handler goes by the board, and each request is on it
/// before its NMI is sent. If that becomes one with an NMI that is held back, that one's handler
/// begins later, and finds the request.
///
/// Why no target is missed: as in BasicMailboxShootdown. Why no request is overwritten and nobody
/// waits for ever: RequestBoard; a CPU answers in any state, also one that shoots with interrupts
/// off.
///
/// What else follows from an NMI: the handler may come between any two instructions, so on entry to
/// the kernel before it has changed stacks (it needs one of its own, by IST), or where a lock is
/// held (it takes none). It must not fault, since the IRET from that ends the blocking of NMIs and
/// lets the next one run over this one's stack. And it touches no user page.
template <typename P>
requires NmiPlatform<P>
class NmiShootdown {
  public:
    using Space = typename P::Space;

    explicit constexpr NmiShootdown(P& platform) : platform_(platform), board_(platform) {}

    /// Call it after the tables were changed, with interrupts on or off, but not from an NMI's
    /// handler. When it returns, no CPU uses an old translation of what was asked.
    void shoot(Space& space, const Request& request) {
        platform_.invalidate(space, request);
        // The change to the tables before this, the look at the active CPUs after it.
        platform_.fence();
        const CpuSet targets = platform_.active_cpus(space).without(platform_.current_cpu());
        if (targets.empty()) {
            return;
        }
        board_.post(request, targets);
        platform_.send_nmi(targets);
        board_.wait(targets);
    }

    /// On each target.
    void handle_nmi() {
        board_.answer([&](const Request& request, auto acknowledge) {
            platform_.invalidate_always(request);
            acknowledge();
        });
    }

  private:
    P& platform_;
    RequestBoard<P, Request> board_;
};

}  // namespace nestbed::shootdown
