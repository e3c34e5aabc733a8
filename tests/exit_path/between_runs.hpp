// What this program's vCPU threads do between KVM_RUN returning and KVM_RUN being called again,
// while a guest waits: memory they allocate and locks they take, counted by functions that stand in
// the C library's place in this program.
#pragma once

#include <cstdint>

namespace nestbed::test {

struct BetweenRuns {
    std::uint64_t times;  ///< that KVM_RUN was called again
    std::uint64_t allocations;
    std::uint64_t locks;
};

/// Of all threads since it was last called.
BetweenRuns take_between_runs();

}  // namespace nestbed::test
