// A study's axis as the guest reads it.
#pragma once

#include "guest/harness/test.hpp"
#include "shared/study/values.hpp"

namespace nestbed::guest {

/// A parameter that is one of an enumeration's values. Ends the test, as failed, if it is none.
template <study::HasValues Id>
Id parameter_of(ConstantString name, Id fallback) {
    const std::uint64_t value = parameter(name, static_cast<std::uint64_t>(fallback));
    GUEST_REQUIRE(value < study::value_count<Id>);
    return static_cast<Id>(value);
}

}  // namespace nestbed::guest
