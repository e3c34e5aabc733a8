// What the study of walks is made of: what the host finds out about a pointer chase when its guest
// is done, and the figures that are made of what is measured and modelled.
#pragma once

#include <optional>
#include <stop_token>
#include <vector>

#include "shared/paging/page_size.hpp"
#include "vmm/model/walk_model.hpp"
#include "vmm/platform/machine.hpp"
#include "vmm/study/study.hpp"

namespace nestbed::vmm {

/// The guest's names of its measurements (guest/suites/measure_walk.cpp), and those that the host
/// adds for its own process.
namespace measurement {
inline constexpr char chase[] = "chase";
inline constexpr char packed_chase[] = "packed chase";
inline constexpr char host_chase[] = "host chase";
inline constexpr char packed_host_chase[] = "packed host chase";
}  // namespace measurement

/// What is known besides the samples: outcomes of the chases in the guest and in the process.
struct WalkFindings {
    /// Of the TLB entries: the smaller of the guest's leaf and what its memory is made of.
    paging::PageSize leaf = paging::PageSize::size_4k;
    WalkCounts guest;  ///< what a model of the processor says of the same accesses
    WalkCounts host;
};

/// Makes outcomes of them, of the measurements that `result` has already.
void add_findings(TestResult& result, const WalkFindings& findings);

/// Reads them back; nothing if one is missing.
std::optional<WalkFindings> findings_of(const TestResult& result);

/// Of something that is counted over all of them.
inline double per_access(const WalkCounts& counts, std::uint64_t count) {
    return static_cast<double>(count) / static_cast<double>(counts.accesses);
}

/// Whether guests' addresses pass through a second stage here (EPT, NPT); without, through a shadow
/// table that is as deep as a process's.
bool has_second_stage();

/// Runs the model over the guest's tables and the order of its chain, and then the chase as a
/// process of the host; with fewer samples if `stop` is requested meanwhile. Adds measurements and
/// findings to `result`. Destroys the chain. For a test that passed.
void inspect_walk(const Point& point, bool second_stage, const Machine& machine, TestResult& result,
                  const std::stop_token& stop);

/// Cycles per access, medians; and what follows from them.
struct WalkFigures {
    WalkFindings findings;
    double guest;
    double guest_packed;
    double host;
    double host_packed;
    double guest_references;  ///< table entries that the model reads, per access
    double host_references;
    /// What is left when the packed chase is taken away, of one in random order. What a packed
    /// strided one takes is no baseline: the processor prefetches its lines.
    std::optional<double> guest_translation = {};
    std::optional<double> host_translation = {};
    /// What translation would take in the guest if each of its references cost what those of the
    /// process did. Nothing where the process's translation takes too little to tell.
    std::optional<double> modelled = {};
    std::optional<double> over_modelled = {};  ///< guest_translation
};

/// A difference of two medians; nothing if it is less than they are known by, half a bucket each.
constexpr std::optional<double> measurable_difference(double median, double baseline) {
    constexpr double half_buckets = 2 * stats::Histogram::sub_buckets;
    const double difference = median - baseline;
    return difference > (median + baseline) / half_buckets ? std::optional(difference)
                                                           : std::nullopt;
}

/// Nothing if the test did not pass, or a measurement or the findings are missing.
std::optional<WalkFigures> figures_of(const StudyRun& run);

/// A working set of so many translations, and the cycles that translating takes per access.
struct MissPoint {
    double translations;
    double cycles;
    double references = 0;  ///< table entries that the model reads per miss; 0: hardly any misses
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

struct MissCurve {
    Point point;  ///< its working set says nothing
    MissFit fit;
};

/// A curve for each run of points that differ in their working sets only, if they can be fitted: in
/// random order, with enough of them beyond the TLB's reach. Working sets whose misses take more
/// references than the cheapest are left out.
std::vector<MissCurve> miss_curves(const StudyRuns& runs);

}  // namespace nestbed::vmm
