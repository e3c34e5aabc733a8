// How often the verdicts are right, by simulation: samples of known distributions are compared, and
// the errors counted. Each bound is what a right method exceeds once in a thousand such tests; the
// seeds are constant, so that a test that passes does so always.

#include <gtest/gtest.h>

#include <array>
#include <boost/math/distributions/binomial.hpp>

#include "tests/unit/analysis/drawn_samples.hpp"
#include "vmm/analysis/statistics.hpp"

namespace nestbed::vmm {
namespace {

using test::DrawnSamples;
using test::Source;

constexpr double threshold = 0.05;

/// The most events of such a probability that are still believable, and the fewest.
double most_of(int trials, double probability) {
    return boost::math::quantile(boost::math::binomial(trials, probability), 0.999);
}
double fewest_of(int trials, double probability) {
    return boost::math::quantile(boost::math::binomial(trials, probability), 0.001);
}

Difference drawn_difference(const Source& base, const Source& next, double times,
                            test::Random& random) {
    const DrawnSamples one(base, random);
    const DrawnSamples other(next, random, times);
    return difference_of(one.samples(), other.samples());
}

bool is_alarm(const Difference& difference, double p) {
    const Word word = word_of(difference, p, threshold, "cycles");
    return word == Word::faster || word == Word::slower;
}

/// What became of a number of comparisons.
struct Outcomes {
    int alarms = 0;
    int slower = 0;
    int covered = 0;  ///< intervals that had the truth
};

Outcomes outcomes_of(int trials, const Source& base, const Source& next, double times = 1) {
    test::Random random(1);
    Outcomes outcomes;
    for (int trial = 0; trial < trials; ++trial) {
        const Difference difference = drawn_difference(base, next, times, random);
        outcomes.alarms += is_alarm(difference, difference.p);
        outcomes.slower += word_of(difference, difference.p, threshold, "cycles") == Word::slower;
        outcomes.covered += difference.low <= times - 1 && times - 1 <= difference.high;
    }
    return outcomes;
}

Outcomes outcomes_of(int trials, const Source& both, double times = 1) {
    return outcomes_of(trials, both, both, times);
}

std::string text_of(const Source& source, int kind) {
    return "kind " + std::to_string(kind) + ", " + std::to_string(source.repetitions) + " VMs, " +
           std::to_string(source.count) + " samples";
}

TEST(FalseAlarms, AreAtMostOneInTwenty) {
    constexpr int trials = 150;
    const std::array kinds{test::calm, test::log_normal, test::bimodal, test::with_steal};
    for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
        for (const std::size_t repetitions : {1, 3, 5}) {
            for (const int count : {8, 100}) {
                const Source source{kinds[kind], repetitions, count,
                                    repetitions == 1 ? 0.01 : 0.05};
                EXPECT_LE(outcomes_of(trials, source).alarms, most_of(trials, 0.05))
                    << text_of(source, static_cast<int>(kind));
            }
        }
    }
}

TEST(FalseAlarms, OfSamplesThatAreOneOfEachVmAreNotMore) {
    constexpr int trials = 400;
    for (const test::Kind kind : {test::calm, test::log_normal, test::with_steal}) {
        const Source source{kind, 5, 1, 0.02};
        EXPECT_LE(outcomes_of(trials, source).alarms, most_of(trials, 0.05));
    }
}

TEST(FalseAlarms, OfUnequalNumbersOfVmsAreNotMore) {
    constexpr int trials = 400;
    const Source one{test::calm, 1, 100, 0.02};
    const Source few{test::calm, 2, 100, 0.02};
    const Source many{test::calm, 8, 100, 0.02};
    EXPECT_LE(outcomes_of(trials, one, many).alarms, most_of(trials, 0.05));
    EXPECT_LE(outcomes_of(trials, many, one).alarms, most_of(trials, 0.05));
    EXPECT_LE(outcomes_of(trials, few, many).alarms, most_of(trials, 0.05));
}

/// How many comparisons of so many rows have an alarm in any of them.
int spoilt_comparisons(int comparisons, std::size_t rows, const Source& source) {
    test::Random random(1);
    int spoilt = 0;
    for (int n = 0; n < comparisons; ++n) {
        std::vector<Difference> differences;
        std::vector<double> probabilities;
        for (std::size_t row = 0; row < rows; ++row) {
            differences.push_back(drawn_difference(source, source, 1, random));
            probabilities.push_back(differences.back().p);
        }
        const std::vector<double> all = corrected(probabilities);
        bool alarm = false;
        for (std::size_t row = 0; row < rows; ++row) {
            alarm = alarm || is_alarm(differences[row], all[row]);
        }
        spoilt += alarm;
    }
    return spoilt;
}

TEST(FalseAlarms, OfAllRowsOfAComparisonTogetherAreAtMostOneInTwenty) {
    constexpr int comparisons = 60;
    // VMs differ more than the samples in each do, so that ranks do not overlap now and then.
    EXPECT_LE(spoilt_comparisons(comparisons, 40, {test::calm, 5, 30, 0.05}),
              most_of(comparisons, 0.05));
    EXPECT_LE(spoilt_comparisons(comparisons, 40, {test::log_normal, 1, 30}),
              most_of(comparisons, 0.05));
}

TEST(Detection, OfFivePercentIsNineteenInTwenty) {
    constexpr int trials = 300;
    for (const Source& source : {Source{test::calm, 1, 300}, Source{test::calm, 3, 100},
                                 Source{test::calm, 5, 30}, Source{test::calm, 5, 100, 0.01}}) {
        EXPECT_GE(outcomes_of(trials, source, 1.05).slower, fewest_of(trials, 0.95))
            << text_of(source, 0);
    }
}

TEST(Detection, OfFivePercentAmongVmsThatDifferAsMuchIsRareButRight) {
    constexpr int trials = 300;
    const Outcomes outcomes = outcomes_of(trials, {test::calm, 5, 100, 0.05}, 1.05);
    EXPECT_LE(outcomes.alarms - outcomes.slower, most_of(trials, 0.025)) << "the wrong way round";
    EXPECT_LT(outcomes.slower, trials / 2);
}

TEST(Interval, OfUnequalNumbersOfVmsIsNotTooNarrow) {
    constexpr int trials = 300;
    const Source one{test::calm, 1, 100, 0.05};
    const Source few{test::calm, 2, 100, 0.05};
    const Source many{test::calm, 8, 100, 0.05};
    for (const auto& [base, next] : {std::pair{one, many}, {many, one}, {few, many}, {many, few}}) {
        EXPECT_GE(outcomes_of(trials, base, next).covered, fewest_of(trials, 0.95))
            << base.repetitions << " and " << next.repetitions;
    }
}

TEST(Interval, HasTheTruthNineteenTimesInTwenty) {
    constexpr int trials = 300;
    // What is drawn anew twice, the samples and the VMs, is wider where the first matters.
    for (const Source& source :
         {Source{test::log_normal, 1, 100}, Source{test::bimodal, 1, 100},
          Source{test::calm, 2, 100, 0.05}, Source{test::calm, 3, 100, 0.05},
          Source{test::calm, 5, 100, 0.05}, Source{test::log_normal, 8, 30, 0.2}}) {
        const int covered = outcomes_of(trials, source, 1.2).covered;
        EXPECT_GE(covered, fewest_of(trials, 0.95)) << text_of(source, 0);
        EXPECT_LE(covered, most_of(trials, 0.97)) << text_of(source, 0);
    }
}

}  // namespace
}  // namespace nestbed::vmm
