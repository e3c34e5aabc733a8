#include "vmm/cli/shootdown_axes.hpp"

namespace nestbed::vmm {

namespace {

using shootdown::FlushPrimitive;
using shootdown::InitiatorSpaces;
using shootdown::ProtocolId;
using shootdown::Routing;
using shootdown::TargetState;

const char* explanation_of(ProtocolId protocol) {
    return study::values_of<ProtocolId>[static_cast<std::size_t>(protocol)].explanation;
}

const char* explanation_of(TargetState state) {
    switch (state) {
        case TargetState::user:
            return "reads in user mode";
        case TargetState::spin:
            return "reads in a loop in the kernel";
        case TargetState::hlt:
            return "sleeps in HLT";
        case TargetState::irqs_off:
            return "keeps interrupts off for a while, again and again";
        case TargetState::lazy:
            return "waits in the kernel, and uses no user page until it leaves that";
        case TargetState::descheduled:
            return "reads in user mode; all vCPUs share one host core";
    }
    return "";
}

const char* explanation_of(Routing routing) {
    switch (routing) {
        case Routing::unicast:
            return "one write to the ICR for each target";
        case Routing::cluster:
            return "one for each x2APIC cluster of 16 CPUs";
        case Routing::all_but_self:
            return "the shorthand, if all other CPUs are targets; else as cluster";
        case Routing::hypercall:
            return "KVM_HC_SEND_IPI, one call for all, where hypercalls come back";
    }
    return "";
}

const char* explanation_of(FlushPrimitive primitive) {
    switch (primitive) {
        case FlushPrimitive::invlpg:
            return "INVLPG, page by page, up to --threshold";
        case FlushPrimitive::cr3:
            return "load CR3: everything but global translations";
        case FlushPrimitive::pge:
            return "toggle CR4.PGE: everything";
        case FlushPrimitive::invpcid_address:
            return "INVPCID type 0, page by page, up to --threshold";
        case FlushPrimitive::invpcid_context:
            return "INVPCID type 1: one PCID, but for global translations";
        case FlushPrimitive::invpcid_all:
            return "INVPCID type 2: everything";
        case FlushPrimitive::invpcid_non_global:
            return "INVPCID type 3: all PCIDs, but for global translations";
    }
    return "";
}

const char* explanation_of(InitiatorSpaces spaces) {
    switch (spaces) {
        case InitiatorSpaces::same:
            return "initiators share an address space, and are targets of each other";
        case InitiatorSpaces::disjoint:
            return "each has an address space and targets of its own";
    }
    return "";
}

/// A line for each value.
template <typename Id>
std::string explain(const char* title, const std::vector<Id>& values) {
    std::string text = fmt::format("{}:\n", title);
    for (const Id value : values) {
        text += fmt::format("  {:<18}  {}\n", name_of(value), explanation_of(value));
    }
    return text + "\n";
}

}  // namespace

std::string axes_help() {
    return explain("Protocols (docs/shootdown-protocols.md)", all_protocols) +
           explain("Targets", all_targets) + explain("Routing of interrupts", all_routings) +
           explain("Flush primitives", all_flushes) +
           explain("Spaces of several initiators", all_spaces);
}

}  // namespace nestbed::vmm
