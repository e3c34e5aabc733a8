// The floor under a shootdown: a message to the targets and their answers, and nothing else.
#pragma once

#include <cstdint>

#include "guest/kernel/flush.hpp"
#include "guest/kernel/routing.hpp"

namespace nestbed::guest {

enum class BareRoundTrip : std::uint8_t {
    interrupt,   ///< an IPI; its handler stores a flag
    cache_line,  ///< a flag that the target polls; it stores another
};

/// For BareRoundTrip::interrupt.
void set_bare_interrupt_handler();

/// For BareRoundTrip::cache_line: over and over on each target.
void answer_bare_message();

/// Invalidations that go with a message. The space that they are about is loaded everywhere.
struct BareFlush {
    shootdown::Request request{};
    FlushPolicy policy{};
};

/// From CPUs `first` to `end`-1, the calling one not among them, all at once; the cycles until the
/// last answer was seen. With a `flush`, each of them carries it out before it answers, and the
/// calling CPU while it waits: what a shootdown cannot do without. One CPU at a time.
std::uint64_t bare_round_trip(BareRoundTrip kind, Routing routing, std::uint32_t first,
                              std::uint32_t end, const BareFlush* flush_too = nullptr);

}  // namespace nestbed::guest
