#include "vmm/analysis/compare.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/unit/result/samples.hpp"
#include "vmm/analysis/comparison_json.hpp"
#include "vmm/analysis/comparison_text.hpp"

namespace nestbed::vmm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr double least = 0.05;

/// Of samples close to `value`.
ReadMeasurement measured(const std::string& id, std::uint64_t value, std::uint64_t repetition = 1) {
    ReadMeasurement one;
    one.id = id;
    one.unit = "cycles";
    one.tsc_khz = 2'000'000;
    one.repetition = repetition;
    one.passed = true;
    for (std::uint64_t n = 0; n < 100; ++n) {
        one.histogram.record(value + value * (n % 10) / 1000);
    }
    return one;
}

/// Three repetitions, which differ by 0.1 %.
std::vector<ReadMeasurement> repeated(const std::string& id, std::uint64_t value) {
    return {measured(id, value, 1), measured(id, value + value / 1000, 2),
            measured(id, value - value / 1000, 3)};
}

ResultFile file_of(const std::string& name,
                   std::initializer_list<std::vector<ReadMeasurement>> measurements) {
    ResultFile file;
    file.environment = name;
    for (const auto& some : measurements) {
        file.measurements.insert(file.measurements.end(), some.begin(), some.end());
    }
    return file;
}

/// Of two files that have only this.
Comparison comparison_of(const ReadMeasurement& base, const ReadMeasurement& next) {
    return compare(file_of("old", {{base}}), file_of("new", {{next}}), least);
}

std::string reason_between(const ReadMeasurement& base, const ReadMeasurement& next) {
    const Comparison comparison = comparison_of(base, next);
    EXPECT_THAT(comparison.measurements, IsEmpty());
    return comparison.left_out.size() == 1 ? comparison.left_out[0].reason : "not one";
}

TEST(Compare, JoinsById) {
    const Comparison comparison = compare(
        file_of("old", {repeated("b", 1000), repeated("gone", 1000), repeated("a", 5000)}),
        file_of("new", {repeated("a", 4000), repeated("come", 1000), repeated("b", 1200)}), least);
    EXPECT_EQ(comparison.base, "old");
    EXPECT_EQ(comparison.next, "new");
    ASSERT_EQ(comparison.measurements.size(), 2U);
    EXPECT_EQ(comparison.measurements[0].id, "b");
    EXPECT_EQ(comparison.measurements[0].word, Word::slower);
    EXPECT_EQ(comparison.measurements[0].base_repetitions, 3U);
    EXPECT_EQ(comparison.measurements[1].id, "a");
    EXPECT_EQ(comparison.measurements[1].word, Word::faster);
    ASSERT_EQ(comparison.left_out.size(), 2U);
    EXPECT_EQ(comparison.left_out[0].id, "gone");
    EXPECT_EQ(comparison.left_out[0].reason, "only the base has it");
    EXPECT_EQ(comparison.left_out[1].id, "come");
    EXPECT_EQ(comparison.left_out[1].reason, "only the new one has it");
}

TEST(Compare, WhatCannotBeComparedIsLeftOut) {
    const ReadMeasurement good = measured("a", 1000);
    ReadMeasurement failed = good;
    failed.passed = false;
    EXPECT_EQ(reason_between(failed, good), "in the base it did not pass");
    EXPECT_EQ(reason_between(good, failed), "in the new one it did not pass");
    ReadMeasurement empty = good;
    empty.histogram = {};
    EXPECT_EQ(reason_between(good, empty), "in the new one it has no samples");
    ReadMeasurement pages = good;
    pages.unit = "pages";
    EXPECT_EQ(reason_between(good, pages), "its units differ: cycles, pages");
    ReadMeasurement unknown = good;
    unknown.tsc_khz = 0;
    EXPECT_EQ(reason_between(unknown, good),
              "the frequency of the TSC is known in one of them only");
}

TEST(Compare, OneRepetitionThatIsNothingSpoilsAll) {
    std::vector<ReadMeasurement> some = repeated("a", 1000);
    const auto reason = [&] {
        const Comparison comparison =
            compare(file_of("old", {some}), file_of("new", {repeated("a", 1000)}), least);
        return comparison.left_out.empty() ? "" : comparison.left_out[0].reason;
    };
    EXPECT_EQ(reason(), "");
    some[2].repetition = 1;
    EXPECT_EQ(reason(), "in the base one repetition has it twice");
    some[2].repetition = 3;
    some[2].tsc_khz = 3'000'000;
    EXPECT_EQ(reason(), "in the base its repetitions have different units");
    some[1].passed = false;
    EXPECT_EQ(reason(), "in the base it did not pass");
}

TEST(Compare, CyclesAreTimesWhereTheirLengthIsKnown) {
    ReadMeasurement base = measured("a", 100'000);
    ReadMeasurement next = measured("a", 150'000);
    next.tsc_khz = 3'000'000;
    const ComparedMeasurement row = comparison_of(base, next).measurements.at(0);
    EXPECT_EQ(row.unit, "ns");
    EXPECT_NEAR(row.difference.base, 50'000, 1000);
    EXPECT_NEAR(row.difference.change, 0, 0.02);
    EXPECT_EQ(row.word, Word::no_difference);
    base.tsc_khz = next.tsc_khz = 0;
    const ComparedMeasurement cycles = comparison_of(base, next).measurements.at(0);
    EXPECT_EQ(cycles.unit, "cycles");
    EXPECT_NEAR(cycles.difference.change, 0.5, 0.02);
    base.unit = next.unit = "pages";
    base.tsc_khz = 2'000'000;
    EXPECT_EQ(comparison_of(base, next).measurements.at(0).unit, "pages");
}

TEST(Compare, MoreMeasurementsNeedMoreEvidence) {
    // Repetitions differ as much as the two sides do, almost.
    std::vector<ReadMeasurement> base{measured("a", 1000, 1), measured("a", 1040, 2),
                                      measured("a", 1080, 3)};
    std::vector<ReadMeasurement> next{measured("a", 1160, 1), measured("a", 1200, 2),
                                      measured("a", 1240, 3)};
    const ResultFile one = file_of("old", {base});
    const ResultFile other = file_of("new", {next});
    EXPECT_EQ(compare(one, other, least).measurements[0].word, Word::slower);
    ResultFile more = one;
    ResultFile others = other;
    for (int n = 0; n < 20; ++n) {
        for (ResultFile* file : {&more, &others}) {
            for (const ReadMeasurement& same : repeated("b" + std::to_string(n), 1000)) {
                file->measurements.push_back(same);
            }
        }
    }
    const Comparison comparison = compare(more, others, least);
    EXPECT_EQ(comparison.measurements[0].word, Word::cannot_tell);
    EXPECT_EQ(comparison.measurements[1].word, Word::no_difference);
    EXPECT_GT(comparison.measurements[0].p, 10 * comparison.measurements[0].difference.p);
}

TEST(Compare, SaysWhatDiffersBetweenTheHosts) {
    ResultFile base = file_of("old", {repeated("a", 1000)});
    ResultFile next = base;
    EXPECT_THAT(compare(base, next, least).host_differences, IsEmpty());
    base.facts = {{"cpu", "A"}, {"kernel", "6.1"}, {"nested", "no"}};
    next.facts = {{"cpu", "A"}, {"kernel", "6.18"}, {"tsc/constant", "true"}};
    const std::vector<HostDifference> found = compare(base, next, least).host_differences;
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found[0].fact, "kernel");
    EXPECT_EQ(found[0].base, "6.1");
    EXPECT_EQ(found[0].next, "6.18");
    EXPECT_EQ(found[1].fact, "nested");
    EXPECT_EQ(found[1].next, std::nullopt);
    EXPECT_EQ(found[2].base, std::nullopt);
}

TEST(RegressionsIn, AreSlowerByMoreThanTheThreshold) {
    std::vector<ReadMeasurement> floor = repeated("floor", 1000);
    std::vector<ReadMeasurement> slow_floor = repeated("floor", 2000);
    std::vector<ReadMeasurement> pages = repeated("pages", 1000);
    std::vector<ReadMeasurement> more_pages = repeated("pages", 2000);
    for (std::size_t n = 0; n < 3; ++n) {
        floor[n].is_companion = slow_floor[n].is_companion = true;
        pages[n].unit = more_pages[n].unit = "pages";
    }
    const Comparison comparison =
        compare(file_of("old", {repeated("a", 10'000), repeated("b", 10'000), repeated("c", 10'000),
                                floor, pages}),
                file_of("new", {repeated("a", 11'000), repeated("b", 8000), repeated("c", 10'000),
                                slow_floor, more_pages}),
                least);
    EXPECT_THAT(regressions_in(comparison, 0.05), ElementsAre("a"));
    EXPECT_THAT(regressions_in(comparison, 0.2), IsEmpty());
}

Comparison example() {
    ResultFile base = file_of("old", {repeated("shootdown/cpus=2,pages=1/bare ipi round trip", 400),
                                      {measured("fault/size=4k", 123'456)},
                                      {measured("gone\x1b", 1)}});
    ResultFile next = file_of("new", {repeated("shootdown/cpus=2,pages=1/bare ipi round trip", 500),
                                      {measured("fault/size=4k", 123'456)}});
    for (ResultFile* file : {&base, &next}) {
        file->measurements.front().is_companion = true;
    }
    base.facts["kernel"] = "6.1";
    next.facts["kernel"] = "6.18";
    next.facts["new"] = "fact";
    return compare(base, next, least);
}

TEST(ComparisonText, HasALineForTheIdAndOneForTheFigures) {
    EXPECT_EQ(comparison_text(example()),
              R"(        base       new   change  95 % from       to       p
  shootdown/cpus=2,pages=1/bare ipi round trip
      201 ns    251 ns  +25.0 %    +24.9 %  +25.1 %  <0.001  slower
fault/size=4k
    62.01 µs  62.01 µs   +0.0 %     -0.1 %   +0.1 %   1.000  no difference

One repetition each does not show how VMs of the same kind differ: 3 % are allowed
for it. Measure with --repeat 5 to see less.

not compared: gone\x1b: only the base has it
the hosts differ: kernel: 6.1, then 6.18
the hosts differ: new: not said, then fact
)");
}

TEST(ComparisonText, WhatIsNotKnownIsSaid) {
    Comparison comparison = example();
    comparison.measurements.resize(1);
    Difference& difference = comparison.measurements[0].difference;
    difference.change = difference.high = std::numeric_limits<double>::infinity();
    EXPECT_THAT(comparison_text(comparison), HasSubstr("> 1000 %"));
    EXPECT_THAT(comparison_text(comparison), Not(HasSubstr("--repeat")));
    difference.low = -1;
    EXPECT_THAT(comparison_text(comparison), HasSubstr("unknown"));
    EXPECT_THAT(comparison_text(comparison), Not(HasSubstr("inf")));
}

TEST(ComparisonJson, HasTheSameData) {
    Comparison comparison = example();
    const nlohmann::ordered_json json = comparison_json(comparison);
    EXPECT_EQ(json["base"], "old");
    EXPECT_EQ(json["new"], "new");
    const nlohmann::ordered_json& row = json["measurements"][0];
    EXPECT_EQ(row["id"], "shootdown/cpus=2,pages=1/bare ipi round trip");
    EXPECT_EQ(row["is_companion"], true);
    EXPECT_EQ(row["unit"], "ns");
    EXPECT_EQ(row["base"]["repetitions"], 3);
    EXPECT_EQ(row["base"]["median"], comparison.measurements[0].difference.base);
    EXPECT_EQ(row["new"]["median"], comparison.measurements[0].difference.next);
    EXPECT_EQ(row["change"], comparison.measurements[0].difference.change);
    EXPECT_EQ(row["low"], comparison.measurements[0].difference.low);
    EXPECT_EQ(row["high"], comparison.measurements[0].difference.high);
    EXPECT_EQ(row["p"], comparison.measurements[0].p);
    EXPECT_EQ(row["word"], "slower");
    EXPECT_EQ(json["left_out"][0]["id"], "gone\x1b");
    EXPECT_EQ(json["left_out"][0]["reason"], "only the base has it");
    EXPECT_EQ(json["host_differences"][0],
              nlohmann::ordered_json({{"fact", "kernel"}, {"base", "6.1"}, {"new", "6.18"}}));
    EXPECT_EQ(json["host_differences"][1]["base"], nullptr);
}

TEST(ComparisonReport, KnowsRegressionsOnlyByAThreshold) {
    Comparison comparison = example();
    comparison.measurements[0].is_companion = false;
    const auto without = nlohmann::json::parse(comparison_report({comparison}, std::nullopt));
    EXPECT_EQ(without["threshold"], nullptr);
    EXPECT_FALSE(without["comparisons"][0].contains("regressions"));
    const auto with = nlohmann::json::parse(comparison_report({comparison, comparison}, 0.05));
    EXPECT_EQ(with["comparison_schema"], 1);
    EXPECT_EQ(with["threshold"], 0.05);
    ASSERT_EQ(with["comparisons"].size(), 2U);
    EXPECT_EQ(with["comparisons"][1]["regressions"].size(), 1U);
}

TEST(ComparisonReport, WhatJsonCannotHoldIsNull) {
    Comparison comparison = example();
    comparison.measurements[0].difference.high = std::numeric_limits<double>::infinity();
    comparison.measurements[0].id = "\xFF";
    const auto report = nlohmann::json::parse(comparison_report({comparison}, std::nullopt));
    EXPECT_EQ(report["comparisons"][0]["measurements"][0]["high"], nullptr);
}

}  // namespace
}  // namespace nestbed::vmm
