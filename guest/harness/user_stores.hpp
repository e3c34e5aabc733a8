// Stores from user mode to pages of the test memory, each timed by itself, and what is in the pages
// before and after.
//
// One 4 KiB page of each block is stored to, a block being what one fault of the host may bring in.
// Its first word is stored to; its second and its last are to keep what was there.
#pragma once

#include <cstdint>

#include "guest/harness/host_operation.hpp"
#include "shared/stats/histogram.hpp"
#include "shared/study/fault_rungs.hpp"

namespace nestbed::guest {

/// Neighbouring blocks of the test memory.
struct Blocks {
    std::uint64_t pages;  ///< 4 KiB pages of a block
    std::uint64_t first;
    std::uint64_t count;  ///< at most max_blocks

    constexpr Blocks part(std::uint64_t from, std::uint64_t blocks) const {
        return {pages, first + from, blocks};
    }
};

inline constexpr std::uint64_t max_blocks = study::max_fault_samples + study::counted_stores;

/// A timed store is one instruction of this length: the handler of its fault may skip it.
inline constexpr std::uint64_t store_bytes = 3;

/// Stores words that tell each page from the others, where the timed stores go as well. CPUs 0 to
/// `cpus`-1 have the parts that they have in time_stores().
void plant(const Blocks& blocks, std::uint32_t cpus = 1);

/// Reads each page and returns how many are not zero.
std::uint64_t count_not_zero(const Blocks& blocks);

/// Stores to each page once. CPUs 0 to `cpus`-1 have a part of the pages each and set out together.
void time_stores(const Blocks& blocks, std::uint32_t cpus = 1);

/// The cycles that the last time_stores() took for each of its stores.
void record_stores(stats::Histogram& cycles);

struct ExpectedPage {
    bool planted;  ///< it has what plant() stored; otherwise it is zero
    bool stored;   ///< the timed store arrived
};

/// How many of the pages are not as expected.
std::uint64_t count_wrong(const Blocks& blocks, ExpectedPage expected);

}  // namespace nestbed::guest
