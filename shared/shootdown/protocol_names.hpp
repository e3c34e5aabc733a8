// The table of protocols, for all who need no more than their names: what a guest measures is what
// the host asked for. Their types are in protocols.hpp.
#pragma once

#include <array>
#include <cstdint>

#include "../study/values.hpp"

/// A row for each protocol: its id, its name on the command line and in results, the template that
/// is it (in a header of shared/shootdown, which protocols.hpp includes), and what it is.
/// docs/shootdown-protocols.md has more. A macro, since enumerators, types and the names of tests
/// come from it.
#define NESTBED_SHOOTDOWN_PROTOCOLS(ROW)                                                         \
    ROW(global, "global", GlobalShootdown, "one lock, one request, a count of acknowledgements") \
    ROW(mailbox, "mailbox", MailboxShootdown,                                                    \
        "a slot for each target; initiators of different targets run in parallel")               \
    ROW(mailbox_overlapped, "mailbox-overlapped", OverlappedMailboxShootdown,                    \
        "mailbox, the initiator's own invalidation while it waits")                              \
    ROW(scoreboard, "scoreboard", ScoreboardShootdown,                                           \
        "a request for each initiator; all initiators run in parallel")                          \
    ROW(early_ack, "early-ack", EarlyAckShootdown,                                               \
        "scoreboard, acknowledged before the invalidation")                                      \
    ROW(generation, "generation", GenerationShootdown,                                           \
        "spaces have generations; a target skips, flushes a range, or everything")               \
    ROW(deferred, "deferred", DeferredShootdown,                                                 \
        "no interrupt: targets sweep at their ticks, frames wait for that")                      \
    ROW(polled, "polled", PolledShootdown,                                                       \
        "no interrupt: targets poll, which spin, irqs-off and lazy ones can")                    \
    ROW(paravirtual, "paravirtual", ParavirtualShootdown,                                        \
        "vCPUs that do not run are flushed by KVM before they do; others are interrupted")       \
    ROW(nmi, "nmi", NmiShootdown, "delivered as an NMI, also to targets with interrupts off")

namespace nestbed::shootdown {

/// The number travels as a guest's parameter.
enum class ProtocolId : std::uint64_t {
#define NESTBED_ENUMERATOR(id, name, type, explanation) id,
    NESTBED_SHOOTDOWN_PROTOCOLS(NESTBED_ENUMERATOR)
#undef NESTBED_ENUMERATOR
};

}  // namespace nestbed::shootdown

template <>
inline constexpr std::array nestbed::study::values_of<nestbed::shootdown::ProtocolId>{
#define NESTBED_VALUE(id, name, type, explanation) \
    nestbed::study::Value{nestbed::shootdown::ProtocolId::id, name, explanation},
    NESTBED_SHOOTDOWN_PROTOCOLS(NESTBED_VALUE)
#undef NESTBED_VALUE
};

namespace nestbed::shootdown {

inline constexpr std::uint64_t protocol_count = study::value_count<ProtocolId>;

constexpr const char* name_of(ProtocolId protocol) { return study::name_of(protocol); }

}  // namespace nestbed::shootdown
