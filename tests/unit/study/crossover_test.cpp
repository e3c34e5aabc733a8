#include "vmm/study/crossover.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "runs.hpp"

namespace nestbed::vmm {
namespace {

using testing::HasSubstr;
using testing::SizeIs;
using namespace std::string_literals;

struct Costs {
    std::uint64_t pages, by_page, full;
};

TestResult measured(std::initializer_list<Costs> all) {
    TestResult result = test::passed("measure_shootdown", "crossover");
    for (const Costs& costs : all) {
        const MeasurementParameter pages{"pages", costs.pages};
        result.measurements.push_back(
            {"by page", "cycles", {pages}, test::histogram_of({costs.by_page})});
        result.measurements.push_back(
            {"full flush", "cycles", {pages, {"flush", "cr3"s}}, test::histogram_of({costs.full})});
    }
    return result;
}

std::string sentence(std::initializer_list<Costs> all) {
    return crossover_sentence("cr3", find_crossover(measured(all)));
}

TEST(Crossover, IsTheSmallestCountFromWhichFullIsCheaperForGood) {
    const Crossover found = find_crossover(
        measured({{1, 10, 50}, {2, 60, 50}, {4, 40, 50}, {8, 80, 50}, {16, 160, 50}}));
    EXPECT_EQ(found.full_from, 8U) << "at 2 it is, but at 4 it is not";
    EXPECT_EQ(found.by_page_until, 4U);
    EXPECT_THAT(found.points, SizeIs(5));
}

TEST(Crossover, DoesNotDependOnTheOrderOfMeasurements) {
    const Crossover found = find_crossover(measured({{16, 160, 50}, {1, 10, 50}, {4, 40, 50}}));
    EXPECT_EQ(found.full_from, 16U);
    EXPECT_EQ(found.by_page_until, 4U);
}

TEST(Crossover, OfEqualCostsNoneIsCheaper) {
    EXPECT_EQ(find_crossover(measured({{1, 50, 50}, {2, 51, 50}})).full_from, 2U);
}

TEST(Crossover, MayBeAtTheStartOrNowhere) {
    const Crossover always = find_crossover(measured({{1, 60, 50}, {2, 70, 50}}));
    EXPECT_EQ(always.full_from, 1U);
    EXPECT_EQ(always.by_page_until, std::nullopt);
    const Crossover never = find_crossover(measured({{1, 10, 50}, {512, 40, 50}}));
    EXPECT_EQ(never.full_from, std::nullopt);
    EXPECT_EQ(never.by_page_until, 512U);
}

TEST(Crossover, WhatHasNoCounterpartIsLeftOut) {
    TestResult result = measured({{1, 10, 50}, {2, 20, 50}});
    result.measurements.pop_back();
    EXPECT_THAT(find_crossover(result).points, SizeIs(1));
    result.measurements[0].parameters.clear();
    EXPECT_THAT(find_crossover(result).points, SizeIs(0));
}

TEST(CrossoverSentence, ComparesWithLinux) {
    EXPECT_EQ(
        sentence({{33, 10, 50}, {34, 60, 50}}),
        "crossover: from 34 pages on, a full flush (cr3) is cheaper than one by page (median, "
        "refill included). Linux flushes everything above 33 pages, which is in keeping with "
        "this.\n");
    EXPECT_THAT(sentence({{32, 10, 50}, {33, 60, 50}}), HasSubstr("too late for this machine"));
    EXPECT_THAT(sentence({{34, 10, 50}, {64, 60, 50}}), HasSubstr("too early for this machine"));
    // Between 16 and 64 everything may be.
    EXPECT_THAT(sentence({{16, 10, 50}, {64, 60, 50}}), HasSubstr("in keeping"));
    EXPECT_THAT(sentence({{1, 10, 50}, {512, 40, 50}}),
                HasSubstr("no crossover: up to 512 pages, a full flush (cr3) is not cheaper"));
    EXPECT_THAT(sentence({{1, 60, 50}}), HasSubstr("from 1 page on"));
}

std::string text_of(TestResult result) {
    const test::OptionTexts options{{"--crossover", "1"}};
    return study_text(test::study_with("shootdown", options),
                      {{test::point_at("shootdown", options), std::move(result)}});
}

TEST(CrossoverText, IsATableAndTheSentence) {
    EXPECT_THAT(text_of(measured({{1, 1000, 2000}, {64, 6000, 2000}})),
                testing::StartsWith("        cycles, p50\n"
                                    "pages  by page   cr3  by page / full\n"
                                    "    1     1000  2000            0.50\n"
                                    "   64     6000  2000            3.00\n"
                                    "\ncrossover: from 64 pages on"));
}

TEST(CrossoverText, OfWhatDidNotPassIsTheReason) {
    EXPECT_EQ(text_of(test::skipped("measure_shootdown", "crossover", "no INVPCID")),
              "skipped: cr3: no INVPCID\n");
    EXPECT_THAT(text_of(test::failed("measure_shootdown", "crossover")),
                HasSubstr("failed: cr3: an expectation failed"));
}

TEST(CrossoverJson, HasWhereItIs) {
    const test::OptionTexts options{{"--crossover", "1"}};
    nlohmann::ordered_json json;
    test::study_with("shootdown", options)
        .more_json({{test::point_at("shootdown", options), measured({{32, 10, 50}, {64, 60, 50}})}},
                   json);
    EXPECT_EQ(json["crossovers"][0], nlohmann::ordered_json({{"full_flush", "cr3"},
                                                             {"full_flush_cheaper_from", 64},
                                                             {"by_page_not_dearer_until", 32},
                                                             {"linux", 33}}));
}

}  // namespace
}  // namespace nestbed::vmm
