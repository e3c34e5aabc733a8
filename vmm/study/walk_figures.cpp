#include "vmm/study/walk.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "shared/study/access_pattern.hpp"
#include "vmm/result/measurements.hpp"

namespace nestbed::vmm {

namespace {

double references_of(const WalkCounts& counts) {
    return per_access(counts, counts.guest_references() + counts.second_stage_references());
}

double share_of_misses(double translations, double reach) {
    return std::max(0.0, 1 - reach / translations);
}

/// The best cost for a given reach, in closed form, and what it leaves.
MissFit fit_for(const std::vector<MissPoint>& points, double reach) {
    double products = 0;
    double squares = 0;
    std::size_t beyond = 0;
    for (const MissPoint& point : points) {
        const double share = share_of_misses(point.translations, reach);
        products += share * point.cycles;
        squares += share * share;
        beyond += share > 0 ? 1 : 0;
    }
    const double cost = squares == 0 ? 0 : products / squares;
    double errors = 0;
    for (const MissPoint& point : points) {
        const double error = point.cycles - cost * share_of_misses(point.translations, reach);
        errors += error * error;
    }
    return {cost, reach, std::sqrt(errors / static_cast<double>(points.size())), beyond};
}

/// But for their working sets they are the same.
bool are_of_one_curve(const Point& one, const Point& other) {
    return std::ranges::equal(one.values, other.values, [](const auto& a, const auto& b) {
        return a.value == b.value || a.axis->name == "working_set";
    });
}

/// Those whose misses take no more references than the cheapest: with more, a miss is another
/// thing. None if there are no misses.
std::vector<MissPoint> points_of(std::span<const StudyRun> curve) {
    constexpr double as_many = 1.1;
    constexpr double few_misses = 0.1;
    constexpr double none = std::numeric_limits<double>::infinity();
    std::vector<MissPoint> points;
    double least = none;
    for (const StudyRun& run : curve) {
        const auto figures = figures_of(run);
        if (!figures || !figures->guest_translation) {
            continue;
        }
        const std::uint64_t leaf = paging::bytes_of(figures->findings.leaf);
        const std::uint64_t translations = (run.point["working_set"] + leaf - 1) / leaf;
        const WalkCounts& guest = figures->findings.guest;
        const double misses = per_access(guest, guest.misses);
        const double references = misses < few_misses ? 0 : figures->guest_references / misses;
        least = references == 0 ? least : std::min(least, references);
        points.push_back(
            {static_cast<double>(translations), *figures->guest_translation, references});
    }
    std::erase_if(points, [&](const MissPoint& point) {
        return least == none || point.references > least * as_many;
    });
    return points;
}

}  // namespace

std::optional<WalkFigures> figures_of(const StudyRun& run) {
    // Less than a cycle is within what the medians of two chases differ by.
    constexpr double least_cycles = 1;
    constexpr double least_references = 0.1;
    const auto cycles = [&](const char* name) { return median_of(run.test, name, "accesses"); };
    const auto guest = cycles(measurement::chase);
    const auto guest_packed = cycles(measurement::packed_chase);
    const auto host = cycles(measurement::host_chase);
    const auto host_packed = cycles(measurement::packed_host_chase);
    const auto findings = findings_of(run.test);
    if (run.test.verdict != Verdict::passed || !guest || !guest_packed || !host || !host_packed ||
        !findings) {
        return std::nullopt;
    }
    WalkFigures figures{.findings = *findings,
                        .guest = *guest,
                        .guest_packed = *guest_packed,
                        .host = *host,
                        .host_packed = *host_packed,
                        .guest_references = references_of(findings->guest),
                        .host_references = references_of(findings->host)};
    if (run.point.as<study::Pattern>("pattern") == study::Pattern::random) {
        figures.guest_translation = *guest - *guest_packed;
        figures.host_translation = *host - *host_packed;
    }
    if (figures.host_translation.value_or(0) >= least_cycles &&
        figures.host_references >= least_references) {
        figures.modelled =
            figures.guest_references * (*figures.host_translation / figures.host_references);
        figures.over_modelled = *figures.guest_translation / *figures.modelled;
    }
    return figures;
}

std::optional<MissFit> fit_misses(const std::vector<MissPoint>& points) {
    constexpr double step = 1.02;
    // With two, any two numbers would fit.
    constexpr std::size_t least_points = 3;
    double most = 0;
    for (const MissPoint& point : points) {
        most = std::max(most, point.translations);
    }
    std::optional<MissFit> best;
    double reach = 1;
    while (reach < most) {
        const MissFit fit = fit_for(points, reach);
        if (!best || fit.residual < best->residual) {
            best = fit;
        }
        reach *= step;
    }
    if (!best || best->points < least_points || best->cycles_per_miss <= 0) {
        return std::nullopt;
    }
    return best;
}

std::vector<MissCurve> miss_curves(const StudyRuns& runs) {
    std::vector<MissCurve> curves;
    for (auto first = runs.begin(); first != runs.end();) {
        const auto end = std::find_if_not(first, runs.end(), [&](const StudyRun& run) {
            return are_of_one_curve(run.point, first->point);
        });
        if (const auto fit = fit_misses(points_of({first, end}))) {
            curves.push_back({first->point, *fit});
        }
        first = end;
    }
    return curves;
}

}  // namespace nestbed::vmm
