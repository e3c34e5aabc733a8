#include "vmm/analysis/statistics.hpp"

#include <gmock/gmock.h>

#include <limits>
#include <span>

#include "drawn_samples.hpp"
#include "tests/unit/result/samples.hpp"

namespace nestbed::vmm {
namespace {

using stats::Histogram;
using test::DrawnSamples;
using test::histogram_of;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::Pointwise;

constexpr double without_end = std::numeric_limits<double>::infinity();

/// So many equal samples.
Histogram constant(std::uint64_t value, std::uint64_t count) {
    Histogram histogram = Histogram::of({.min = value, .max = value});
    histogram.add_count(Histogram::bucket_of(value), count);
    return histogram;
}

Samples samples_of(std::span<const Histogram> histograms) {
    Samples samples;
    for (const Histogram& histogram : histograms) {
        samples.repetitions.push_back(&histogram);
    }
    return samples;
}

Difference difference_between(const std::vector<Histogram>& base,
                              const std::vector<Histogram>& next) {
    return difference_of(samples_of(base), samples_of(next));
}

Word word_between(const std::vector<Histogram>& base, const std::vector<Histogram>& next) {
    const Difference difference = difference_between(base, next);
    return word_of(difference, difference.p, 0.05, "cycles");
}

TEST(DifferenceOf, WhatIsTheSameIsNone) {
    test::Random random(1);
    for (const std::size_t repetitions : {1U, 2U, 5U}) {
        const DrawnSamples drawn({.repetitions = repetitions, .count = 500}, random);
        const Difference difference = difference_of(drawn.samples(), drawn.samples());
        EXPECT_EQ(difference.change, 0);
        EXPECT_EQ(difference.p, 1);
        EXPECT_LE(difference.low, 0);
        EXPECT_GE(difference.high, 0);
        EXPECT_EQ(word_of(difference, difference.p, 0.05, "cycles"), Word::no_difference);
    }
}

TEST(DifferenceOf, TheSameSamplesHaveTheSameOne) {
    test::Random random(2);
    const DrawnSamples base({.repetitions = 3}, random);
    const DrawnSamples next({.repetitions = 4}, random);
    const Difference one = difference_of(base.samples(), next.samples());
    const Difference other = difference_of(base.samples(), next.samples());
    EXPECT_EQ(one.low, other.low);
    EXPECT_EQ(one.high, other.high);
    EXPECT_EQ(one.p, other.p);
}

TEST(DifferenceOf, TheMediansAreTheMeansOfTheRepetitions) {
    const Difference difference =
        difference_between({constant(10, 9), constant(20, 1)}, {constant(30, 5)});
    EXPECT_EQ(difference.base, 15);
    EXPECT_EQ(difference.next, 30);
    EXPECT_EQ(difference.change, 1);
    EXPECT_TRUE(difference.repeated);
}

TEST(DifferenceOf, RanksShareTheirPlaceWithTies) {
    // The textbook formula with its correction for ties (Lehmann, Nonparametrics, 1975) says so.
    const Difference difference = difference_between({histogram_of({1, 2, 2, 3, 3, 3, 4, 5})},
                                                     {histogram_of({3, 3, 4, 4, 5, 5, 6, 7})});
    EXPECT_NEAR(difference.p, 0.0242, 1e-4);
}

TEST(DifferenceOf, SingleSamplesThatDoNotOverlapMayDoSoByChance) {
    EXPECT_NEAR(difference_between({histogram_of({1, 2, 3, 4, 5, 6})},
                                   {histogram_of({7, 8, 9, 10, 11, 12})})
                    .p,
                0.0039, 1e-4);
    EXPECT_GT(difference_between({histogram_of({10})}, {histogram_of({20})}).p, 0.3);
}

TEST(DifferenceOf, RepetitionsThatDoNotOverlapMayDoSoByChance) {
    EXPECT_GT(difference_between({constant(100, 50), constant(120, 50)},
                                 {constant(130, 50), constant(150, 50)})
                  .p,
              0.05);
    // Student's t is 3.674, with four degrees of freedom.
    EXPECT_NEAR(difference_between({constant(100, 50), constant(102, 50), constant(104, 50)},
                                   {constant(106, 50), constant(108, 50), constant(110, 50)})
                    .p,
                0.0213, 1e-4);
}

TEST(DifferenceOf, IsTheSameInAnyUnit) {
    test::Random random(4);
    for (const std::size_t repetitions : {1U, 3U}) {
        const DrawnSamples base({.repetitions = repetitions}, random);
        const DrawnSamples next({.repetitions = repetitions}, random, 1.01);
        const Difference one = difference_of(base.samples(), next.samples());
        const Difference other = difference_of(base.samples(0.25), next.samples(0.25));
        EXPECT_NEAR(one.p, other.p, 1e-9);
        EXPECT_NEAR(one.high, other.high, 1e-9);
        EXPECT_NEAR(one.next / 4, other.next, 1e-6);
    }
}

TEST(DifferenceOf, TooFewSamplesOfSingleVmsSayNothing) {
    for (const std::uint64_t count : {1U, 5U}) {
        for (const auto& [base, next] :
             {std::pair{count, std::uint64_t{1000}}, std::pair{std::uint64_t{1000}, count}}) {
            const Difference difference =
                difference_between({constant(100, base)}, {constant(200, next)});
            EXPECT_EQ(difference.low, -1);
            EXPECT_EQ(difference.high, without_end);
            EXPECT_EQ(word_between({constant(100, base)}, {constant(200, next)}),
                      Word::cannot_tell);
        }
    }
    EXPECT_EQ(word_between({constant(100, 6)}, {constant(200, 6)}), Word::slower);
}

TEST(DifferenceOf, OneSampleOfEachOfSeveralVmsSaysSomething) {
    const std::vector<Histogram> base{constant(100, 1), constant(101, 1), constant(99, 1)};
    EXPECT_EQ(word_between(base, {constant(120, 1), constant(121, 1), constant(122, 1)}),
              Word::slower);
    EXPECT_EQ(word_between(base, {constant(120, 1)}), Word::slower);
    EXPECT_EQ(word_between(base, {constant(103, 1)}), Word::cannot_tell);
}

TEST(DifferenceOf, OfConstantsIsExact) {
    const std::vector<Histogram> base(3, constant(1000, 100));
    const Difference difference = difference_between(base, {3, constant(1010, 100)});
    EXPECT_NEAR(difference.low, 0.01, 1e-9);
    EXPECT_NEAR(difference.high, 0.01, 1e-9);
    EXPECT_EQ(difference.p, 0);
    EXPECT_EQ(word_between(base, {3, constant(1010, 100)}), Word::slower);
    EXPECT_EQ(word_between(base, base), Word::no_difference);
}

TEST(DifferenceOf, MediansMayBeZero) {
    const std::vector<Histogram> nothing(3, constant(0, 100));
    const std::vector<Histogram> something(3, constant(50, 100));
    const Difference difference = difference_between(nothing, something);
    EXPECT_EQ(difference.change, without_end);
    EXPECT_EQ(word_between(nothing, something), Word::slower);
    EXPECT_EQ(word_between(something, nothing), Word::faster);
    EXPECT_EQ(word_between(nothing, nothing), Word::no_difference);
    // Some of them: no number becomes none.
    const Difference mixed =
        difference_between({constant(0, 100), constant(50, 100)}, {2, constant(25, 100)});
    EXPECT_LE(mixed.low, 0);
    EXPECT_GE(mixed.high, 0);
}

TEST(DifferenceOf, TheGreatestValuesAndCountsAreLikeOthers) {
    constexpr std::uint64_t most = ~std::uint64_t{0};
    const std::vector<Histogram> greatest{constant(most, most / 2), constant(most - 1, most / 2)};
    EXPECT_EQ(word_between(greatest, greatest), Word::no_difference);
    const std::vector<Histogram> half(2, constant(most / 2, most));
    EXPECT_EQ(word_between(greatest, half), Word::faster);
    EXPECT_EQ(word_between({greatest[0]}, {half[0]}), Word::faster);
    // In a unit in which they are beyond 2^64.
    const Samples single = samples_of({&greatest[0], 1});
    Samples scaled = single;
    scaled.scale = 1.5;
    EXPECT_NEAR(difference_of(single, scaled).change, 0.5, 1e-9);
    EXPECT_EQ(difference_of(single, scaled).p, 0);
}

TEST(DifferenceOf, OfTwoTimeStampCountersIsThatOfTimes) {
    test::Random random(3);
    const test::Source source{.kind = test::log_normal, .count = 3000};
    const DrawnSamples slow_counter(source, random);
    const DrawnSamples fast_counter(source, random, 1.5);
    const Difference same = difference_of(slow_counter.samples(0.5), fast_counter.samples(1 / 3.0));
    EXPECT_NEAR(same.base, 50'000, 2000);
    EXPECT_NEAR(same.change, 0, 0.05);
    EXPECT_GT(same.p, 0.05);
    EXPECT_LT(difference_of(slow_counter.samples(), fast_counter.samples()).p, 0.001);
}

TEST(Corrected, IsAfterHolm) {
    const std::vector<double> found{0.01, 0.04, 0.03, 0.005};
    EXPECT_THAT(corrected(found),
                Pointwise(DoubleNear(1e-12), std::vector<double>{0.03, 0.06, 0.06, 0.02}));
    EXPECT_THAT(corrected(std::vector<double>{0.6, 0.7}), ElementsAre(1, 1));
    EXPECT_THAT(corrected(std::vector<double>{0.04}), ElementsAre(0.04));
    EXPECT_THAT(corrected({}), testing::IsEmpty());
}

Word word_for(double low, double high, double p, bool repeated = true,
              std::string_view unit = "cycles") {
    return word_of({.change = (low + high) / 2, .low = low, .high = high, .repeated = repeated}, p,
                   0.05, unit);
}

TEST(WordOf, NeedsTheIntervalAndTheTest) {
    EXPECT_EQ(word_for(0.01, 0.09, 0.04), Word::slower);
    EXPECT_EQ(word_for(-0.09, -0.01, 0.04), Word::faster);
    EXPECT_EQ(word_for(0.01, 0.09, 0.05), Word::cannot_tell);
    EXPECT_EQ(word_for(-0.01, 0.09, 0.01), Word::cannot_tell);
}

TEST(WordOf, NoDifferenceIsOneThatIsSurelySmall) {
    EXPECT_EQ(word_for(-0.04, 0.04, 0.5), Word::no_difference);
    EXPECT_EQ(word_for(-0.06, 0.04, 0.5), Word::cannot_tell);
    EXPECT_EQ(word_for(-0.04, 0.05, 0.5), Word::cannot_tell);
    EXPECT_EQ(word_for(0.01, 0.02, 0.01), Word::slower) << "it was seen, if small";
}

TEST(WordOf, SingleVmsAreAllowedThreePercent) {
    EXPECT_EQ(word_for(0.02, 0.09, 0.01, false), Word::cannot_tell);
    EXPECT_EQ(word_for(0.031, 0.09, 0.01, false), Word::slower);
    EXPECT_EQ(word_for(-0.09, -0.031, 0.01, false), Word::faster);
    EXPECT_EQ(word_for(-0.01, 0.01, 0.01, false), Word::no_difference);
    EXPECT_EQ(word_for(-0.03, 0.01, 0.5, false), Word::cannot_tell);
}

TEST(WordOf, WhatIsNoTimeIsNeitherFasterNorSlower) {
    EXPECT_EQ(word_for(0.1, 0.2, 0.01, true, "pages"), Word::more);
    EXPECT_EQ(word_for(-0.2, -0.1, 0.01, true, "ops/s"), Word::less);
    EXPECT_EQ(word_for(0.1, 0.2, 0.01, true, "ns"), Word::slower);
    EXPECT_EQ(word_for(0, 0.01, 0.5, true, "pages"), Word::no_difference);
}

TEST(NameOf, EachWordHasOne) {
    EXPECT_STREQ(name_of(Word::faster), "faster");
    EXPECT_STREQ(name_of(Word::slower), "slower");
    EXPECT_STREQ(name_of(Word::less), "less");
    EXPECT_STREQ(name_of(Word::more), "more");
    EXPECT_STREQ(name_of(Word::no_difference), "no difference");
    EXPECT_STREQ(name_of(Word::cannot_tell), "cannot tell");
}

}  // namespace
}  // namespace nestbed::vmm
