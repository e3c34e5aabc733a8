// What a CPU does while it is shot at, by name: what a guest measures is what the host asked for.
#pragma once

#include <cstdint>

namespace nestbed::shootdown {

/// The number travels as a guest's parameter.
enum class TargetState : std::uint64_t {
    user = 0,         ///< reads in user mode
    spin = 1,         ///< reads in kernel mode, interrupts on
    hlt = 2,          ///< sleeps in HLT
    irqs_off = 3,     ///< keeps interrupts off for a while, again and again
    lazy = 4,         ///< waits in kernel mode, and uses no user page until it leaves that
    descheduled = 5,  ///< reads in user mode when the host lets it: all vCPUs share one host core
};
inline constexpr std::uint64_t target_state_count = 6;

constexpr const char* name_of(TargetState state) {
    switch (state) {
        case TargetState::user:
            return "user";
        case TargetState::spin:
            return "spin";
        case TargetState::hlt:
            return "hlt";
        case TargetState::irqs_off:
            return "irqs-off";
        case TargetState::lazy:
            return "lazy";
        case TargetState::descheduled:
            return "descheduled";
    }
    return "?";
}

}  // namespace nestbed::shootdown
