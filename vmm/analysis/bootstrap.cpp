#include "vmm/analysis/bootstrap.hpp"

#include <algorithm>
#include <boost/math/constants/constants.hpp>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <random>

namespace nestbed::vmm {

namespace {

constexpr std::size_t replicates = 1000;
constexpr double each_tail = 0.025;
/// That so many samples all lie on one side of their median happens in less than 5 %.
constexpr std::uint64_t fewest_samples = 6;

using Random = std::mt19937_64;

/// The median of as many samples, drawn from a repetition's. The middle one of n uniform numbers
/// has a symmetric beta distribution, drawn after Ulrich (Applied Statistics 33, 1984).
double redrawn_median(const Quantiles& quantiles, Random& random) {
    std::uniform_real_distribution<double> any(std::numeric_limits<double>::min(), 1);
    const double spread = std::sqrt(-std::expm1(std::log(any(random)) * 2 / quantiles.count()));
    const double angle = boost::math::constants::two_pi<double>() * any(random);
    return quantiles.at((1 + spread * std::cos(angle)) / 2);
}

/// The repetitions of one side, over their mean, to draw from.
class Repetitions {
  public:
    /// Draws the samples of each several times: to do so for each replicate takes a minute for a
    /// thousand measurements of a hundred repetitions.
    Repetitions(const Samples& samples, double mean, Random& random)
        : size_(samples.repetitions.size()) {
        const std::size_t redraws = std::max(replicates / size_, fewest_redraws);
        for (const stats::Histogram* histogram : samples.repetitions) {
            const Quantiles quantiles(*histogram, samples.scale / mean);
            for (std::size_t n = 0; n < redraws; ++n) {
                medians_.push_back(redrawn_median(quantiles, random));
            }
        }
    }

    std::size_t size() const { return size_; }

    /// The logarithm of what a mean of so many medians would be, by chance. Those that are drawn
    /// from R repetitions lie closer together than R of all that there could be.
    double noise(std::size_t repetitions, Random& random) const {
        std::uniform_int_distribution<std::size_t> any(0, medians_.size() - 1);
        double sum = 0;
        for (std::size_t n = 0; n < repetitions; ++n) {
            sum += medians_[any(random)];
        }
        const double mean = sum / static_cast<double>(repetitions);
        const auto count = static_cast<double>(size_);
        const double closer = size_ == 1 ? 1 : std::sqrt(count / (count - 1));
        return std::log(std::max(mean, std::numeric_limits<double>::min())) * closer;
    }

  private:
    static constexpr std::size_t fewest_redraws = 50;

    std::size_t size_;
    std::vector<double> medians_;  ///< as many of each repetition as of others
};

/// The logarithm of what chance makes of the ratio.
std::vector<double> sorted_noise(const Repetitions& base, const Repetitions& next, Random& random) {
    // How other VMs would differ from a single one is to be seen on the other side only.
    const Repetitions& for_base = base.size() == 1 && next.size() > 1 ? next : base;
    const Repetitions& for_next = next.size() == 1 && base.size() > 1 ? base : next;
    std::vector<double> noise(replicates);
    for (double& drawn : noise) {
        drawn = -for_base.noise(base.size(), random);
        drawn += for_next.noise(next.size(), random);
    }
    std::ranges::sort(noise);
    return noise;
}

/// How well it is known what the means of so many repetitions differ by: the degrees of freedom of
/// Welch (Biometrika 34, 1947) where VMs differ alike on both sides.
double freedom_of(std::size_t base, std::size_t next) {
    if (base == 1 || next == 1) {
        return static_cast<double>(std::max(base, next)) - 1;
    }
    const auto one = static_cast<double>(base);
    const auto other = static_cast<double>(next);
    const double both = 1 / one + 1 / other;
    return both * both / (1 / (one * one * (one - 1)) + 1 / (other * other * (other - 1)));
}

/// How much wider an interval has to be than it would be if that were known exactly.
double widening(double freedom) {
    return boost::math::quantile(boost::math::students_t(freedom), each_tail) /
           boost::math::quantile(boost::math::normal(), each_tail);
}

Ratio with_interval(double ratio, const std::vector<double>& noise, double wider) {
    const auto tail = static_cast<std::size_t>(each_tail * replicates);
    const double low = ratio * std::exp(noise[tail] * wider);
    const double high = ratio * std::exp(noise[replicates - 1 - tail] * wider);
    return {ratio, std::min(ratio, low), std::max(ratio, high)};
}

}  // namespace

Ratio ratio_of(const Samples& base, const Samples& next) {
    const double from = mean_of(medians_of(base));
    const double to = mean_of(medians_of(next));
    const double ratio = from == to ? 1 : to / from;
    const bool single = !base.repeated() && !next.repeated();
    if (single && std::min(base.repetitions.front()->count(), next.repetitions.front()->count()) <
                      fewest_samples) {
        return {ratio, 0, std::numeric_limits<double>::infinity()};
    }
    if (from == 0 || to == 0) {
        return {ratio, ratio, ratio};
    }
    Random random(1);  // NOLINT(bugprone-random-generator-seed): the same again
    const Repetitions bases(base, from, random);
    const Repetitions nexts(next, to, random);
    return with_interval(ratio, sorted_noise(bases, nexts, random),
                         single ? 1 : widening(freedom_of(bases.size(), nexts.size())));
}

}  // namespace nestbed::vmm
