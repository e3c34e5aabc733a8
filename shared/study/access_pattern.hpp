// The order in which the pages of a working set are touched, by name.
#pragma once

#include <cstdint>

#include "values.hpp"

namespace nestbed::study {

enum class Pattern : std::uint64_t { random, strided };

template <>
inline constexpr std::array values_of<Pattern>{
    Value{Pattern::random, "random", "in a random cycle through all of them"},
    Value{Pattern::strided, "strided", "one behind the other, and from the last to the first"},
};

}  // namespace nestbed::study
