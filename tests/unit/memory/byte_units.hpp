// Sizes in memory tests.
#pragma once

#include <cstdint>

namespace nestbed::vmm::test {

inline constexpr std::uint64_t kib = 1ULL << 10;
inline constexpr std::uint64_t mib = 1ULL << 20;
inline constexpr std::uint64_t gib = 1ULL << 30;

}  // namespace nestbed::vmm::test
