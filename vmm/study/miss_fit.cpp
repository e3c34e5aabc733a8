#include "vmm/study/walk_result.hpp"

#include <algorithm>
#include <cmath>

namespace nestbed::vmm {

namespace {

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

}  // namespace

std::optional<MissFit> fit_misses(const std::vector<MissPoint>& points) {
    constexpr double step = 1.02;
    // With two, any two numbers would fit.
    constexpr std::size_t least_points = 3;
    if (points.empty()) {
        return std::nullopt;
    }
    const double most =
        std::ranges::max_element(points, {}, &MissPoint::translations)->translations;
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

}  // namespace nestbed::vmm
