// What is found out about a pointer chase, and the figures that are made of it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "shared/paging/level.hpp"
#include "vmm/result/test_result.hpp"
#include "vmm/study/miss_fit.hpp"
#include "vmm/study/walk_combination.hpp"

namespace nestbed::vmm {

/// The guest's names of its measurements (guest/suites/measure_walk.cpp), and those that the host
/// adds for its own process.
namespace measurement {
inline constexpr char chase[] = "chase";
inline constexpr char packed_chase[] = "packed chase";
inline constexpr char host_chase[] = "host chase";
inline constexpr char packed_host_chase[] = "packed host chase";
}  // namespace measurement

/// What a model of the processor says of the same accesses (vmm/model).
struct ModelledWalks {
    double misses = 0;        ///< of the TLB, per access
    double guest = 0;         ///< entries read from tables of the guest (or process), per access
    double second_stage = 0;  ///< entries read from the second stage, per access
    /// The same by paging::Level, of which 0 is none.
    std::array<double, paging::max_levels + 1> guest_by_level{};
    std::array<double, paging::max_levels + 1> second_stage_by_level{};

    double references() const { return guest + second_stage; }
};

/// What is known besides the measurements.
struct WalkFindings {
    /// Of the TLB entries: the smaller of the guest's leaf and what its memory is made of.
    paging::PageSize leaf = paging::PageSize::size_4k;
    ModelledWalks guest;
    ModelledWalks host;
};

struct WalkResult {
    WalkCombination combination;
    TestResult test;
    std::optional<WalkFindings> findings;
};

/// Cycles per access, medians; and what follows from them.
struct WalkFigures {
    double guest;
    double guest_packed;
    double host;
    double host_packed;

    /// Of a chase in random order. What a packed strided one takes is no baseline: the processor
    /// prefetches its lines.
    double guest_translation() const { return guest - guest_packed; }
    double host_translation() const { return host - host_packed; }
};

/// Whether what is left when the packed chase is taken away is the cost of translation.
constexpr bool tells_translation(const WalkCombination& combination) {
    return combination.pattern == chase::Pattern::random;
}

/// Nothing if the test did not pass or a measurement is missing.
std::optional<WalkFigures> figures_of(const WalkResult& result);

/// What translation would take in the guest, in cycles per access, if each of its references cost
/// what those of the process did. Nothing where the process's translation takes too little to tell,
/// or is not known.
std::optional<double> modelled_translation(const WalkResult& result, const WalkFigures& figures);

/// What the combinations have in common of which a fit is made: all but the working set.
struct MissCurve {
    WalkCombination combination;  ///< its working set says nothing
    MissFit fit;
};

/// A curve for each run of combinations that differ in their working sets only, if they can be
/// fitted: in random order, with enough of them beyond the TLB's reach. Working sets whose
/// misses take more references than the cheapest are left out.
std::vector<MissCurve> miss_curves(const std::vector<WalkResult>& results);

}  // namespace nestbed::vmm
