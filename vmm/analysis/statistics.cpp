#include "vmm/analysis/statistics.hpp"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

namespace nestbed::vmm {

namespace {

using stats::Histogram;

constexpr int replicates = 2000;
constexpr double confidence = 0.95;

/// What a histogram's samples are, in order, as far as it says: the filled buckets.
class Quantiles {
  public:
    explicit Quantiles(const Histogram& histogram) : histogram_(histogram) {
        std::uint64_t below = 0;
        for (std::size_t bucket = 0; bucket < Histogram::bucket_count; ++bucket) {
            if (const std::uint64_t count = histogram.count_in(bucket); count != 0) {
                steps_.push_back({bucket, static_cast<double>(below), static_cast<double>(count)});
                below += count;
            }
        }
    }

    double count() const { return static_cast<double>(histogram_.count()); }

    /// The value that this share of the samples does not exceed, between those of its bucket.
    double at(double share) const {
        const double rank = share * count();
        const auto after = std::ranges::upper_bound(steps_, rank, {}, &Step::below);
        const Step& step = after == steps_.begin() ? *after : *std::prev(after);
        const double part = std::clamp((rank - step.below) / step.count, 0.0, 1.0);
        return std::clamp(static_cast<double>(Histogram::lowest_of(step.bucket)) +
                              static_cast<double>(Histogram::width_of(step.bucket)) * part,
                          static_cast<double>(histogram_.min()),
                          static_cast<double>(histogram_.max()));
    }

    /// The share of all samples that are less than those in a bucket, and half of those in it.
    double placement(std::size_t bucket) const {
        const auto at = std::ranges::lower_bound(steps_, bucket, {}, &Step::bucket);
        if (at == steps_.end()) {
            return 1;
        }
        return (at->below + (at->bucket == bucket ? at->count / 2 : 0)) / count();
    }

    struct Step {
        std::size_t bucket;
        double below;  ///< samples in the buckets before
        double count;
    };
    const std::vector<Step>& steps() const { return steps_; }

  private:
    const Histogram& histogram_;
    std::vector<Step> steps_;
};

/// The mean of some numbers, and the variance of that mean as far as they tell.
struct Mean {
    double value = 0;
    double variance = 0;
    double freedom = 0;  ///< degrees of
};

Mean mean_of(const std::vector<double>& numbers) {
    const auto count = static_cast<double>(numbers.size());
    Mean mean{.value = std::reduce(numbers.begin(), numbers.end()) / count, .freedom = count - 1};
    for (const double number : numbers) {
        mean.variance += (number - mean.value) * (number - mean.value);
    }
    mean.variance /= count * std::max(mean.freedom, 1.0);
    return mean;
}

/// One of the two sets.
class Side {
  public:
    explicit Side(const Repetitions& repetitions) {
        for (const Histogram* histogram : repetitions) {
            quantiles_.emplace_back(*histogram);
        }
    }

    std::size_t repetitions() const { return quantiles_.size(); }
    const std::vector<Quantiles>& quantiles() const { return quantiles_; }

    double median() const {
        double sum = 0;
        for (const Quantiles& one : quantiles_) {
            sum += one.at(0.5);
        }
        return sum / static_cast<double>(repetitions());
    }

    /// The median of samples drawn anew from what was found: of as many repetitions, and in each of
    /// as many samples. The k-th of n samples lies at a share that has a beta distribution.
    /// A single repetition is moved as far as one of the other side's lies from their mean.
    template <typename Random>
    double redrawn_median(const Side& other, Random& random) const {
        std::uniform_int_distribution<std::size_t> any(0, repetitions() - 1);
        double sum = 0;
        for (std::size_t n = 0; n < repetitions(); ++n) {
            const Quantiles& one = quantiles_[any(random)];
            const double half = (one.count() + 1) / 2;
            const double left = std::gamma_distribution(half)(random);
            const double right = std::gamma_distribution(half)(random);
            sum += one.at(left / (left + right));
        }
        if (repetitions() == 1 && other.repetitions() != 1) {
            std::uniform_int_distribution<std::size_t> others(0, other.repetitions() - 1);
            sum *= other.quantiles_[others(random)].at(0.5) / other.median();
        }
        return sum / static_cast<double>(repetitions());
    }

    /// How the samples of each repetition lie among the other side's, from 0 (all are less) to 1.
    Mean placement_among(const Side& other) const {
        std::vector<double> means;
        double variance_within = 0;
        for (const Quantiles& one : quantiles_) {
            double sum = 0;
            double squares = 0;
            for (const Quantiles::Step& step : one.steps()) {
                const double place = other.placement(step.bucket);
                sum += place * step.count;
                squares += place * place * step.count;
            }
            means.push_back(sum / one.count());
            variance_within =
                std::max(0.0, squares / one.count() - means.back() * means.back()) / one.count();
        }
        Mean mean = mean_of(means);
        if (repetitions() == 1) {
            mean.variance = variance_within;
            mean.freedom = quantiles_.front().count() - 1;
        }
        return mean;
    }

  private:
    double placement(std::size_t bucket) const {
        double sum = 0;
        for (const Quantiles& one : quantiles_) {
            sum += one.placement(bucket);
        }
        return sum / static_cast<double>(repetitions());
    }

    std::vector<Quantiles> quantiles_;
};

/// Of a sum of two means, by Welch and Satterthwaite.
double freedom_of(const Mean& one, const Mean& other) {
    const double sum = one.variance + other.variance;
    const auto part = [](const Mean& mean) {
        return mean.variance * mean.variance / std::max(mean.freedom, 1.0);
    };
    const double parts = part(one) + part(other);
    return parts == 0 ? std::max(one.freedom + other.freedom, 1.0) : sum * sum / parts;
}

/// The rank test of Mann and Whitney, with the variance that repetitions have among each other
/// where there are several (Obuchowski 1997).
double rank_test(const Side& base, const Side& next) {
    Mean of_base = base.placement_among(next);
    Mean of_next = next.placement_among(base);
    // Of one repetition it is not known how it would differ from others: as the other side's do.
    const auto borrow = [](Mean& single, const Mean& other, std::size_t repetitions) {
        single.variance = other.variance * static_cast<double>(repetitions);
        single.freedom = other.freedom;
    };
    if (base.repetitions() == 1 && next.repetitions() != 1) {
        borrow(of_base, of_next, next.repetitions());
    } else if (next.repetitions() == 1 && base.repetitions() != 1) {
        borrow(of_next, of_base, base.repetitions());
    }
    const double distance = std::abs(of_next.value - 0.5);
    const double variance = of_base.variance + of_next.variance;
    if (variance == 0) {
        return distance == 0 ? 1 : 0;
    }
    const boost::math::students_t student(std::max(freedom_of(of_base, of_next), 1.0));
    return 2 * boost::math::cdf(boost::math::complement(student, distance / std::sqrt(variance)));
}

/// How much wider than the bootstrap's an interval has to be because of few repetitions: drawn from
/// R of them, R - 1 differences make up the spread, and it is not known exactly.
double widening(std::size_t base, std::size_t next) {
    if (base == 1 && next == 1) {
        return 1;
    }
    // What a single one would differ by is the other side's.
    const auto one = static_cast<double>(base == 1 ? next : base);
    const auto other = static_cast<double>(next == 1 ? base : next);
    const double fewest = std::min(one, other);
    const double freedom = freedom_of({.variance = 1 / one, .freedom = one - 1},
                                      {.variance = 1 / other, .freedom = other - 1}) /
                           (base == 1 || next == 1 ? 2 : 1);
    const boost::math::students_t student(freedom);
    constexpr double normal = 1.959964;
    return std::sqrt(fewest / (fewest - 1)) * boost::math::quantile(student, (1 + confidence) / 2) /
           normal;
}

}  // namespace

Difference difference_of(const Repetitions& base, const Repetitions& next) {
    const Side one(base);
    const Side other(next);
    Difference result{.base = one.median(),
                      .next = other.median(),
                      .repeated = base.size() > 1 || next.size() > 1};
    const auto change = [](double from, double to) {
        return from == to ? 0 : from == 0 ? std::numeric_limits<double>::infinity() : to / from - 1;
    };
    result.change = change(result.base, result.next);
    result.p = rank_test(one, other);
    std::mt19937_64 random(1);  // NOLINT(bugprone-random-generator-seed): the same again
    std::vector<double> changes(replicates);
    for (double& drawn : changes) {
        const double from = one.redrawn_median(other, random);
        drawn = change(from, other.redrawn_median(one, random));
    }
    std::ranges::sort(changes);
    const double wider = widening(base.size(), next.size());
    const auto end = [&](double share) {
        // As ratios: no change takes away more than all.
        const double drawn = changes[static_cast<std::size_t>(share * (replicates - 1))];
        return (1 + result.change) * std::pow((1 + drawn) / (1 + result.change), wider) - 1;
    };
    result.low = std::min(result.change, end((1 - confidence) / 2));
    result.high = std::max(result.change, end((1 + confidence) / 2));
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
        case Word::no_difference:
            return "no difference";
        case Word::cannot_tell:
            break;
    }
    return "cannot tell";
}

Word word_of(const Difference& difference, double p, double least) {
    constexpr double level = 1 - confidence;
    constexpr double least_of_single = 0.03;
    const bool seen = p < level && (difference.low > 0 || difference.high < 0);
    if (seen && (difference.repeated || std::abs(difference.change) >= least_of_single)) {
        return difference.change < 0 ? Word::faster : Word::slower;
    }
    return -least < difference.low && difference.high < least ? Word::no_difference
                                                              : Word::cannot_tell;
}

}  // namespace nestbed::vmm
