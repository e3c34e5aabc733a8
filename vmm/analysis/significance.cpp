#include "vmm/analysis/significance.hpp"

#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>

namespace nestbed::vmm {

namespace {

/// Of equal ranks the sums differ by what rounding makes.
constexpr double rounding = 1e-9;

double squares_about_mean(const std::vector<double>& numbers) {
    const double mean = mean_of(numbers);
    double squares = 0;
    for (const double number : numbers) {
        squares += (number - mean) * (number - mean);
    }
    return squares;
}

/// Of two means that are so far apart if they are the same.
double student_test(double distance, const std::vector<double>& base,
                    const std::vector<double>& next) {
    const auto base_count = static_cast<double>(base.size());
    const auto next_count = static_cast<double>(next.size());
    const double freedom = base_count + next_count - 2;
    const double squares = squares_about_mean(base) + squares_about_mean(next);
    if (distance == 0 || squares == 0) {
        return distance == 0 ? 1 : 0;
    }
    const double error = std::sqrt(squares / freedom * (1 / base_count + 1 / next_count));
    const boost::math::students_t student(freedom);
    return 2 * boost::math::cdf(boost::math::complement(student, distance / error));
}

/// For each repetition of `side`, how likely one of the others is less than a sample of it.
std::vector<double> placements(const Samples& side, const Ranks& others) {
    std::vector<double> result;
    for (const stats::Histogram* histogram : side.repetitions) {
        double sum = 0;
        for_each_value(*histogram, side.scale, [&](double value, double count) {
            sum += others.share_below(value) * count;
        });
        result.push_back(sum / static_cast<double>(histogram->count()));
    }
    return result;
}

double test_of_repetitions(const Samples& base, const Samples& next) {
    const std::vector<double> of_base = placements(base, Ranks(next));
    const std::vector<double> of_next = placements(next, Ranks(base));
    const double distance = std::abs(mean_of(of_next) - 0.5);
    return student_test(distance < rounding ? 0 : distance, of_base, of_next);
}

/// With each sample's rank among those of both sides. Samples of a bucket are ties and share
/// theirs, so that ranks vary by the less, the more there are.
double test_of_samples(const Samples& base, const Samples& next) {
    const Ranks below_base(base);
    const Ranks below_next(next);
    const auto base_count = static_cast<double>(base.repetitions.front()->count());
    const auto next_count = static_cast<double>(next.repetitions.front()->count());
    const double count = base_count + next_count;
    double squares = 0;
    const auto mean_rank = [&](const Samples& side, double side_count) {
        double sum = 0;
        for_each_value(*side.repetitions.front(), side.scale, [&](double value, double found) {
            const double rank = (below_base.share_below(value) * base_count +
                                 below_next.share_below(value) * next_count) /
                                count;
            sum += rank * found;
            squares += (rank - 0.5) * (rank - 0.5) * found;
        });
        return sum / side_count;
    };
    const double distance = std::abs(mean_rank(next, next_count) - mean_rank(base, base_count));
    if (distance < rounding) {
        return 1;
    }
    const double error = std::sqrt(squares / (count - 1) * (1 / base_count + 1 / next_count));
    return 2 * boost::math::cdf(boost::math::complement(boost::math::normal(), distance / error));
}

}  // namespace

double median_test(const std::vector<double>& base, const std::vector<double>& next) {
    return student_test(std::abs(mean_of(next) - mean_of(base)), base, next);
}

double rank_test(const Samples& base, const Samples& next) {
    return base.repeated() || next.repeated() ? test_of_repetitions(base, next)
                                              : test_of_samples(base, next);
}

}  // namespace nestbed::vmm
