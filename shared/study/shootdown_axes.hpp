// What a shootdown is measured under, besides its protocol: the axes whose values have names.
#pragma once

#include <cstdint>

#include "values.hpp"

namespace nestbed::study {

/// What a CPU does while it is shot at.
enum class TargetState : std::uint64_t { user, spin, hlt, irqs_off, lazy, descheduled };

template <>
inline constexpr std::array values_of<TargetState>{
    Value{TargetState::user, "user", "reads in user mode"},
    Value{TargetState::spin, "spin", "reads in a loop in the kernel, interrupts on"},
    Value{TargetState::hlt, "hlt", "sleeps in HLT"},
    Value{TargetState::irqs_off, "irqs-off", "keeps interrupts off for a while, again and again"},
    Value{TargetState::lazy, "lazy",
          "waits in the kernel, and uses no user page until it leaves that"},
    Value{TargetState::descheduled, "descheduled",
          "reads in user mode when the host lets it: all vCPUs share one host core"},
};

/// How an interrupt is addressed to several CPUs. SDM Vol. 3A 11.6.1 and 11.12.10: the ICR's
/// destination modes and shorthands, and x2APIC's logical ids.
enum class Routing : std::uint64_t { unicast, cluster, all_but_self, hypercall };

template <>
inline constexpr std::array values_of<Routing>{
    Value{Routing::unicast, "unicast", "one write to the ICR for each target"},
    Value{Routing::cluster, "cluster", "one for each x2APIC cluster of 16 CPUs"},
    Value{Routing::all_but_self, "all-but-self",
          "the shorthand, if all other CPUs are targets; else as cluster"},
    Value{Routing::hypercall, "hypercall",
          "KVM_HC_SEND_IPI, one call for all, where hypercalls come back"},
};

/// What a CPU invalidates its translations with. SDM Vol. 3A 4.10.4.1; APM Vol. 2 5.5.3.
enum class FlushPrimitive : std::uint64_t {
    invlpg,
    cr3,
    pge,
    invpcid_address,
    invpcid_context,
    invpcid_all,
    invpcid_non_global,
};

template <>
inline constexpr std::array values_of<FlushPrimitive>{
    Value{FlushPrimitive::invlpg, "invlpg", "INVLPG, page by page, up to --threshold"},
    Value{FlushPrimitive::cr3, "cr3", "load CR3: everything but global translations"},
    Value{FlushPrimitive::pge, "pge", "toggle CR4.PGE: everything"},
    Value{FlushPrimitive::invpcid_address, "invpcid-address",
          "INVPCID type 0, page by page, up to --threshold"},
    Value{FlushPrimitive::invpcid_context, "invpcid-context",
          "INVPCID type 1: one PCID, but for global translations"},
    Value{FlushPrimitive::invpcid_all, "invpcid-all", "INVPCID type 2: everything"},
    Value{FlushPrimitive::invpcid_non_global, "invpcid-non-global",
          "INVPCID type 3: all PCIDs, but for global translations"},
};

/// Whether it takes pages one by one: a request of more pages than a threshold is then cheaper as a
/// flush of everything.
constexpr bool is_by_page(FlushPrimitive primitive) {
    return primitive == FlushPrimitive::invlpg || primitive == FlushPrimitive::invpcid_address;
}

/// The address spaces of initiators that shoot at the same time.
enum class InitiatorSpaces : std::uint64_t { same, disjoint };

template <>
inline constexpr std::array values_of<InitiatorSpaces>{
    Value{InitiatorSpaces::same, "same",
          "initiators share an address space, and are targets of each other"},
    Value{InitiatorSpaces::disjoint, "disjoint",
          "each has an address space and targets of its own"},
};

/// Initiators of one experiment, at most.
inline constexpr std::uint32_t max_initiators = 8;

/// Pages of a shootdown, at most: those of one leaf table.
inline constexpr std::uint64_t max_pages_shot_down = 512;

}  // namespace nestbed::study
