// What a CPU does while it is shot at, by name: what a guest measures is what the host asked for.
#pragma once

#include <cstdint>

namespace nestbed::shootdown {

/// The number travels as a guest's parameter.
enum class TargetState : std::uint64_t {
    user = 0,  ///< reads in user mode
    spin = 1,  ///< reads in kernel mode, interrupts on
    hlt = 2,   ///< sleeps in HLT
};
inline constexpr std::uint64_t target_state_count = 3;

constexpr const char* name_of(TargetState state) {
    switch (state) {
        case TargetState::user:
            return "user";
        case TargetState::spin:
            return "spin";
        case TargetState::hlt:
            return "hlt";
    }
    return "?";
}

}  // namespace nestbed::shootdown
