#include "vmm/study/walk_result.hpp"

#include <algorithm>

#include "vmm/result/measurements.hpp"

namespace nestbed::vmm {

namespace {

/// The median of a sample, over its accesses.
std::optional<double> cycles_per_access(const TestResult& test, const char* name) {
    const MeasurementEvent* found = measurement_named(test, name);
    if (found == nullptr || found->histogram.count() == 0) {
        return std::nullopt;
    }
    const auto accesses = number_named(*found, "accesses");
    if (accesses.value_or(0) == 0) {
        return std::nullopt;
    }
    return static_cast<double>(found->histogram.quantile(50, 100)) / static_cast<double>(*accesses);
}

bool same_curve(WalkCombination one, const WalkCombination& other) {
    one.working_set = other.working_set;
    return one == other;
}

std::optional<MissPoint> point_of(const WalkResult& result) {
    const auto figures = figures_of(result);
    if (!figures || !result.findings || !tells_translation(result.combination)) {
        return std::nullopt;
    }
    const std::uint64_t leaf = paging::bytes_of(result.findings->leaf);
    const std::uint64_t translations = (result.combination.working_set + leaf - 1) / leaf;
    return MissPoint{static_cast<double>(translations), figures->guest_translation()};
}

/// References that a miss takes; nothing where there are next to none.
std::optional<double> references_per_miss(const WalkResult& result) {
    constexpr double few = 0.1;
    if (!result.findings || result.findings->guest.misses < few) {
        return std::nullopt;
    }
    return result.findings->guest.references() / result.findings->guest.misses;
}

/// Those of [first, end) whose misses take no more references than the cheapest: with more, a miss
/// is another thing. None if there are no misses.
template <typename Iterator>
std::vector<MissPoint> points_of(Iterator first, Iterator end) {
    constexpr double as_many = 1.1;
    std::optional<double> least;
    for (auto result = first; result != end; ++result) {
        const auto references = references_per_miss(*result);
        if (references && (!least || *references < *least)) {
            least = references;
        }
    }
    std::vector<MissPoint> points;
    for (auto result = first; least && result != end; ++result) {
        const auto references = references_per_miss(*result);
        const auto point = point_of(*result);
        if (point && (!references || *references <= *least * as_many)) {
            points.push_back(*point);
        }
    }
    return points;
}

}  // namespace

std::optional<WalkFigures> figures_of(const WalkResult& result) {
    const auto guest = cycles_per_access(result.test, measurement::chase);
    const auto guest_packed = cycles_per_access(result.test, measurement::packed_chase);
    const auto host = cycles_per_access(result.test, measurement::host_chase);
    const auto host_packed = cycles_per_access(result.test, measurement::packed_host_chase);
    if (result.test.verdict != Verdict::passed || !guest || !guest_packed || !host ||
        !host_packed) {
        return std::nullopt;
    }
    return WalkFigures{*guest, *guest_packed, *host, *host_packed};
}

std::optional<double> modelled_translation(const WalkResult& result, const WalkFigures& figures) {
    // Less than a cycle is within what the medians of two chases differ by.
    constexpr double least_cycles = 1;
    constexpr double least_references = 0.1;
    if (!result.findings || !tells_translation(result.combination) ||
        figures.host_translation() < least_cycles ||
        result.findings->host.references() < least_references) {
        return std::nullopt;
    }
    const double cycles_per_reference =
        figures.host_translation() / result.findings->host.references();
    return result.findings->guest.references() * cycles_per_reference;
}

std::vector<MissCurve> miss_curves(const std::vector<WalkResult>& results) {
    std::vector<MissCurve> curves;
    for (auto first = results.begin(); first != results.end();) {
        const auto end = std::find_if_not(first, results.end(), [&](const WalkResult& result) {
            return same_curve(result.combination, first->combination);
        });
        if (const auto fit = fit_misses(points_of(first, end))) {
            curves.push_back({first->combination, *fit});
        }
        first = end;
    }
    return curves;
}

}  // namespace nestbed::vmm
