// The address spaces of concurrent initiators, by name.
#pragma once

#include <cstdint>

namespace nestbed::shootdown {

/// The number travels as a guest's parameter.
enum class InitiatorSpaces : std::uint64_t {
    same = 0,      ///< one for all; each initiator is a target of the others
    disjoint = 1,  ///< one for each, with targets of its own
};
inline constexpr std::uint64_t initiator_spaces_count = 2;

/// Of one experiment.
inline constexpr std::uint32_t max_initiators = 8;

constexpr const char* name_of(InitiatorSpaces spaces) {
    return spaces == InitiatorSpaces::same ? "same" : "disjoint";
}

}  // namespace nestbed::shootdown
