// What to know of a measurement before its figures are believed.

#include "vmm/result/warnings.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <iterator>

#include "samples.hpp"

namespace nestbed::vmm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// So many samples around a value, a hundredth of it apart.
MeasurementEvent samples_around(const std::string& name, std::uint64_t middle,
                                std::uint64_t count) {
    MeasurementEvent event{name, "cycles", {}, {}};
    for (std::uint64_t n = 0; n < count; ++n) {
        event.histogram.record(middle + middle * (n % 3) / 100);
    }
    return event;
}

TestResult with_measurements(std::vector<MeasurementEvent> events) {
    TestResult test = test::passed("measure_shootdown", "latency");
    test.cpus = 2;
    test.host_cpus = 2;
    test.measurements = std::move(events);
    find_warnings(test);
    return test;
}

std::vector<std::string> kinds_of(const MeasurementEvent& event) {
    std::vector<std::string> kinds;
    std::ranges::transform(event.warnings, std::back_inserter(kinds),
                           [](const Warning& warning) { return name_of(warning.kind); });
    return kinds;
}

TEST(Warnings, ThereAreNoneOfACalmMeasurement) {
    EXPECT_THAT(with_measurements({samples_around("a", 1000, 100)}).measurements[0].warnings,
                IsEmpty());
}

TEST(Warnings, NameTheFirstPercentileThatTheSamplesCannotBear) {
    for (const auto& [count, percentile] :
         {std::pair(1U, "p25"), std::pair(9U, "p90"), std::pair(99U, "p99")}) {
        const TestResult test = with_measurements({samples_around("a", 1000, count)});
        EXPECT_THAT(kinds_of(test.measurements[0]), ElementsAre("few_samples"));
        EXPECT_THAT(test.measurements[0].warnings[0].text,
                    HasSubstr(fmt::format("too few for {}", percentile)));
    }
}

TEST(Warnings, OfFewSamplesAreNotOfCompanions) {
    MeasurementEvent companion = samples_around("b", 1000, 3);
    companion.is = "without steal";
    companion.of = "a";
    const TestResult test = with_measurements({samples_around("a", 1000, 100), companion});
    EXPECT_THAT(kinds_of(test.measurements[1]), IsEmpty());
}

TEST(Warnings, OfTheftBeginWhereItReachesAPercentile) {
    const auto kinds = [](std::uint64_t stolen) {
        MeasurementEvent event = samples_around("a", 1000, 1000);
        event.parameters.push_back({"stolen_from", stolen, true});
        return kinds_of(with_measurements({event}).measurements[0]);
    };
    EXPECT_THAT(kinds(0), IsEmpty());
    EXPECT_THAT(kinds(49), IsEmpty());
    EXPECT_THAT(kinds(50), ElementsAre("stolen"));
    EXPECT_THAT(kinds(1000), ElementsAre("stolen"));
}

TEST(Warnings, SayWhichVcpusSharedCores) {
    TestResult test = with_measurements({samples_around("a", 1000, 100)});
    test.cpus = 4;
    find_warnings(test);
    EXPECT_EQ(marks_of(test.measurements[0].warnings), "4 vCPUs on 2 cores");
    test.host_cpus = 0;  // not known
    find_warnings(test);
    EXPECT_EQ(marks_of(test.measurements[0].warnings), "");
}

TEST(Warnings, OfAnUnsteadyFloorStandBesideWhatIsDividedByIt) {
    MeasurementEvent floor = samples_around("floor", 1000, 60);
    floor.is = "floor";
    floor.of = "a";
    const auto of_all = [&] {
        return with_measurements(
            {samples_around("a", 1000, 100), floor, samples_around("another", 1000, 100)});
    };
    EXPECT_THAT(kinds_of(of_all().measurements[0]), IsEmpty());
    for (int n = 0; n < 40; ++n) {
        floor.histogram.record(2000);
    }
    EXPECT_THAT(kinds_of(of_all().measurements[0]), ElementsAre("disturbed"));
    EXPECT_THAT(kinds_of(of_all().measurements[1]), ElementsAre("disturbed"));
    EXPECT_THAT(kinds_of(of_all().measurements[2]), IsEmpty());
}

TEST(Warnings, WhatIsUnsteadyAndNoFloorIsAsItIs) {
    MeasurementEvent event = samples_around("a", 1000, 60);
    for (int n = 0; n < 40; ++n) {
        event.histogram.record(5000);
    }
    EXPECT_THAT(kinds_of(with_measurements({event}).measurements[0]), IsEmpty());
}

TEST(Warnings, AreFoundAnewEachTime) {
    TestResult test = with_measurements({samples_around("a", 1000, 1)});
    find_warnings(test);
    EXPECT_EQ(test.measurements[0].warnings.size(), 1U);
}

}  // namespace
}  // namespace nestbed::vmm
