// How much of it: a small sample in `./dev test`, and as much as the environment says in
// `./dev soak`.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace nestbed::test {

/// The number in the environment's `variable`, or else that of the sample.
inline std::uint64_t amount(const char* variable, std::uint64_t sample) {
    const char* given = std::getenv(variable);
    return given == nullptr ? sample : std::strtoull(given, nullptr, 10);
}

/// Of what is random. A failure's message names it.
inline std::uint64_t seed() { return amount("NESTBED_SOAK_SEED", 1); }

}  // namespace nestbed::test
