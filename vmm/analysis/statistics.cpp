#include "vmm/analysis/statistics.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "vmm/analysis/bootstrap.hpp"
#include "vmm/analysis/significance.hpp"

namespace nestbed::vmm {

namespace {

bool is_time(std::string_view unit) {
    constexpr std::array<std::string_view, 6> times{"cycles", "ns", "µs", "us", "ms", "s"};
    return std::ranges::count(times, unit) != 0;
}

}  // namespace

Difference difference_of(const Samples& base, const Samples& next) {
    const std::vector<double> base_medians = medians_of(base);
    const std::vector<double> next_medians = medians_of(next);
    const Ratio ratio = ratio_of(base, next);
    Difference result{.base = mean_of(base_medians),
                      .next = mean_of(next_medians),
                      .change = ratio.value - 1,
                      .low = ratio.low - 1,
                      .high = ratio.high - 1,
                      .p = rank_test(base, next),
                      .repeated = base.repeated() || next.repeated()};
    if (result.repeated) {
        // Where the repetitions of the two sides do not overlap at all, ranks say no more than
        // that, and few VMs of the same kind may fall like this by chance.
        result.p = std::max(result.p, median_test(base_medians, next_medians));
    }
    return result;
}

std::vector<double> corrected(std::span<const double> probabilities) {
    std::vector<std::size_t> order(probabilities.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, {}, [&](std::size_t n) { return probabilities[n]; });
    std::vector<double> result(probabilities.size());
    double least = 0;
    for (std::size_t n = 0; n < order.size(); ++n) {
        const auto left = static_cast<double>(order.size() - n);
        least = std::max(least, std::min(1.0, probabilities[order[n]] * left));
        result[order[n]] = least;
    }
    return result;
}

const char* name_of(Word word) {
    switch (word) {
        case Word::faster:
            return "faster";
        case Word::slower:
            return "slower";
        case Word::less:
            return "less";
        case Word::more:
            return "more";
        case Word::no_difference:
            return "no difference";
        case Word::cannot_tell:
            break;
    }
    return "cannot tell";
}

Word word_of(const Difference& difference, double p, double least, std::string_view unit) {
    constexpr double level = 0.05;
    constexpr double doubt_of_single = 0.03;
    const double doubt = difference.repeated ? 0 : doubt_of_single;
    const double low = difference.low - doubt;
    const double high = difference.high + doubt;
    if (p < level && high < 0) {
        return is_time(unit) ? Word::faster : Word::less;
    }
    if (p < level && low > 0) {
        return is_time(unit) ? Word::slower : Word::more;
    }
    return -least < low && high < least ? Word::no_difference : Word::cannot_tell;
}

}  // namespace nestbed::vmm
