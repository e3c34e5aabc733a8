// The protocols by their types, for who runs them.
#pragma once

#include "deferred.hpp"
#include "generation.hpp"
#include "global.hpp"
#include "mailbox.hpp"
#include "nmi.hpp"
#include "paravirtual.hpp"
#include "polled.hpp"
#include "protocol_names.hpp"
#include "scoreboard.hpp"

namespace nestbed::shootdown {

/// Calls `function.template operator()<Protocol>()` with the protocol of this id.
template <typename Function>
decltype(auto) with_protocol(ProtocolId protocol, Function&& function) {
    switch (protocol) {
#define NESTBED_CASE(id, name, type, explanation) \
    case ProtocolId::id:                          \
        return function.template operator()<type>();
        NESTBED_SHOOTDOWN_PROTOCOLS(NESTBED_CASE)
#undef NESTBED_CASE
    }
    __builtin_trap();  // no row has this number
}

}  // namespace nestbed::shootdown
