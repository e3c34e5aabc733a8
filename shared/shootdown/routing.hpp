// How an interrupt is addressed to several CPUs, by name.
#pragma once

#include <cstdint>

namespace nestbed::shootdown {

/// The number travels as a guest's parameter. SDM Vol. 3A 11.6.1 and 11.12.10: the ICR's
/// destination modes and shorthands, and x2APIC's logical ids.
enum class Routing : std::uint64_t {
    unicast = 0,       ///< a write to the ICR for each target
    cluster = 1,       ///< one for each x2APIC cluster, 16 CPUs
    all_but_self = 2,  ///< the shorthand, if all other CPUs are targets; else as `cluster`
    hypercall = 3,     ///< KVM_HC_SEND_IPI: one call for all
};
inline constexpr std::uint64_t routing_count = 4;

constexpr const char* name_of(Routing routing) {
    switch (routing) {
        case Routing::unicast:
            return "unicast";
        case Routing::cluster:
            return "cluster";
        case Routing::all_but_self:
            return "all-but-self";
        case Routing::hypercall:
            return "hypercall";
    }
    return "?";
}

}  // namespace nestbed::shootdown
