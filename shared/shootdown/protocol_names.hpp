// The protocols by name: what a guest measures is what the host asked for.
#pragma once

#include <cstdint>

namespace nestbed::shootdown {

/// The number travels as a guest's parameter.
enum class ProtocolId : std::uint64_t {
    global = 0,
    mailbox = 1,
    mailbox_overlapped = 2,
    scoreboard = 3,
    early_ack = 4,
    generation = 5,
    deferred = 6,
    polled = 7,
    paravirtual = 8,
    nmi = 9,
};
inline constexpr std::uint64_t protocol_count = 10;

constexpr const char* name_of(ProtocolId protocol) {
    switch (protocol) {
        case ProtocolId::global:
            return "global";
        case ProtocolId::mailbox:
            return "mailbox";
        case ProtocolId::mailbox_overlapped:
            return "mailbox-overlapped";
        case ProtocolId::scoreboard:
            return "scoreboard";
        case ProtocolId::early_ack:
            return "early-ack";
        case ProtocolId::generation:
            return "generation";
        case ProtocolId::deferred:
            return "deferred";
        case ProtocolId::polled:
            return "polled";
        case ProtocolId::paravirtual:
            return "paravirtual";
        case ProtocolId::nmi:
            return "nmi";
    }
    return "?";
}

}  // namespace nestbed::shootdown
