// What is found out about a pointer chase, and the figures that are made of it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "shared/chase/chase.hpp"
#include "shared/paging/level.hpp"
#include "shared/paging/page_size.hpp"
#include "vmm/machine/host_cpus.hpp"
#include "vmm/memory/backing.hpp"
#include "vmm/result/test_result.hpp"

namespace nestbed::vmm {

/// What a pointer chase is measured under.
struct WalkCombination {
    paging::PageSize guest_leaf = paging::PageSize::size_4k;
    Backing backing = Backing::anon;
    std::uint64_t working_set = 1 << 20;  ///< bytes, a multiple of 4 KiB
    study::Pattern pattern = study::Pattern::random;
    std::uint32_t cpus = 1;

    std::uint64_t pages() const { return working_set / chase::page_bytes; }
    friend bool operator==(const WalkCombination&, const WalkCombination&) = default;
};

/// What all of a study's chases are measured with.
struct WalkSampling {
    std::uint64_t samples = 100;    ///< on each vCPU
    std::uint64_t accesses = 1000;  ///< of a sample
    std::uint64_t seed = 1;         ///< of the random cycles
    Placement placement = Placement::spread;
};

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
    return combination.pattern == study::Pattern::random;
}

/// Nothing if the test did not pass or a measurement is missing.
std::optional<WalkFigures> figures_of(const WalkResult& result);

/// What translation would take in the guest, in cycles per access, if each of its references cost
/// what those of the process did. Nothing where the process's translation takes too little to tell,
/// or is not known.
std::optional<double> modelled_translation(const WalkResult& result, const WalkFigures& figures);

/// A working set of so many translations, and the cycles that translating takes per access.
struct MissPoint {
    double translations;
    double cycles;
};

/// cycles(n) = cycles_per_miss * max(0, 1 - reach / n): of n translations in a random cycle, a
/// cache that holds `reach` of them and replaces at random keeps that share. A first-level TLB and
/// caches that hold fewer and fewer of the tables' own entries bend the real curve: `residual` says
/// how far.
struct MissFit {
    double cycles_per_miss;
    double reach;        ///< translations
    double residual;     ///< root mean square of the differences, in cycles
    std::size_t points;  ///< beyond the reach, which the fit is made from
};

/// By least squares; nothing if fewer than three points are beyond the reach that fits best, or if
/// no miss costs anything.
std::optional<MissFit> fit_misses(const std::vector<MissPoint>& points);

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
