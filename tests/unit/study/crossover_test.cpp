// From how many pages on a full flush is cheaper: what is made of the measurements of one run.

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "runs.hpp"

namespace nestbed::vmm {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;
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

using Json = nlohmann::ordered_json;

const test::OptionTexts crossover_options{{"--crossover", "1"}};
const Study& study() { return test::study_with("shootdown", crossover_options); }
StudyRuns runs_of(TestResult result) {
    return {{test::point_at("shootdown", crossover_options), std::move(result)}};
}
std::string text_of(TestResult result) { return study_text(study(), runs_of(std::move(result))); }
std::string sentence(std::initializer_list<Costs> all) {
    return study().notes(runs_of(measured(all)));
}
Json json_of(TestResult result) {
    Json json;
    study().more_json(runs_of(std::move(result)), json);
    return json["crossovers"][0];
}

/// Where it is by the report, and until where it is not.
std::pair<Json, Json> found(std::initializer_list<Costs> all) {
    const Json json = json_of(measured(all));
    return {json["full_flush_cheaper_from"], json["by_page_not_dearer_until"]};
}

TEST(Crossover, IsTheSmallestCountFromWhichFullIsCheaperForGood) {
    EXPECT_THAT(found({{1, 10, 50}, {2, 60, 50}, {4, 40, 50}, {8, 80, 50}, {16, 160, 50}}),
                Pair(8, 4))
        << "at 2 it is, but at 4 it is not";
}

TEST(Crossover, DoesNotDependOnTheOrderOfMeasurements) {
    EXPECT_THAT(found({{16, 160, 50}, {1, 10, 50}, {4, 40, 50}}), Pair(16, 4));
}

TEST(Crossover, OfEqualCostsNoneIsCheaper) {
    EXPECT_THAT(found({{1, 50, 50}, {2, 51, 50}}), Pair(2, 1));
}

TEST(Crossover, MayBeAtTheStartOrNowhere) {
    EXPECT_THAT(found({{1, 60, 50}, {2, 70, 50}}), Pair(1, nullptr));
    EXPECT_THAT(found({{1, 10, 50}, {512, 40, 50}}), Pair(nullptr, 512));
}

TEST(Crossover, WhatHasNoCounterpartIsLeftOut) {
    TestResult result = measured({{1, 10, 50}, {2, 20, 50}});
    EXPECT_THAT(text_of(result), ContainsRegex("\n +2 +20 +50 +10.0 ns +25.0 ns +0.40\n"));
    result.measurements.pop_back();
    EXPECT_THAT(text_of(result), Not(ContainsRegex("\n +2 +20 ")));
    EXPECT_THAT(json_of(result)["by_page_not_dearer_until"], 1);
    result.measurements[0].parameters.clear();
    EXPECT_THAT(json_of(result)["by_page_not_dearer_until"], nullptr);
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

TEST(CrossoverText, IsATableAndTheSentence) {
    EXPECT_THAT(text_of(measured({{1, 1000, 2000}, {64, 6000, 2000}})),
                testing::StartsWith("        cycles, p50   -- time, p50 ---\n"
                                    "pages  by page   cr3  by page      cr3  by page / full\n"
                                    "    1     1000  2000   500 ns  1.00 µs            0.50\n"
                                    "   64     6000  2000  3.00 µs  1.00 µs            3.00\n"
                                    "\ncrossover: from 64 pages on"));
}

TEST(CrossoverText, OfWhatDidNotPassIsTheReason) {
    EXPECT_EQ(text_of(test::skipped("measure_shootdown", "crossover", "no INVPCID")),
              "skipped: cr3: no INVPCID\n");
    EXPECT_THAT(text_of(test::failed("measure_shootdown", "crossover")),
                HasSubstr("failed: cr3: an expectation failed"));
}

TEST(CrossoverJson, HasWhereItIs) {
    EXPECT_EQ(json_of(measured({{32, 10, 50}, {64, 60, 50}})),
              Json({{"full_flush", "cr3"},
                    {"full_flush_cheaper_from", 64},
                    {"by_page_not_dearer_until", 32},
                    {"linux", 33}}));
}

}  // namespace
}  // namespace nestbed::vmm
