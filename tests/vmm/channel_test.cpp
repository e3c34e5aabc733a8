// What arrived over the record channel beside what guest/suites/channel.cpp sent, record by record.

#include <fmt/format.h>

#include <map>

#include "shared/stats/histogram.hpp"
#include "tests/vmm/kvm_test.hpp"
#include "vmm/run/test_runner.hpp"

namespace nestbed::vmm {
namespace {

using test::GuestAndTest;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// Of guest/suites/channel.cpp.
constexpr std::uint32_t lines_per_cpu = 200;

class ChannelTest : public test::KvmTest {
  protected:
    TestResult run(std::string_view guest_name, std::string_view test_name,
                   const TestSettings& settings = {}) {
        const GuestAndTest chosen(guest_name, test_name);
        return run_test(system(), chosen.guest, chosen.test, settings, {});
    }
    TestResult passed(std::string_view test_name, const TestSettings& settings = {}) {
        TestResult result = run("channel", test_name, settings);
        EXPECT_EQ(result.verdict, Verdict::passed) << result.reason;
        return result;
    }
};

using Lines = std::vector<std::string>;

Lines sent_by(std::uint32_t cpu, std::uint32_t count) {
    Lines lines;
    for (std::uint32_t n = 0; n < count; ++n) {
        lines.push_back(fmt::format("[cpu {}] cpu {} line {}", cpu, cpu, n));
    }
    return lines;
}

/// The log's lines by the vCPU that the host says they came from.
std::map<std::string, Lines> by_cpu(const Lines& log) {
    std::map<std::string, Lines> result;
    for (const std::string& line : log) {
        result[line.substr(0, line.find(']') + 1)].push_back(line);
    }
    return result;
}

void expect_all_lines(const TestResult& result) {
    const std::map<std::string, Lines> arrived = by_cpu(result.log);
    EXPECT_EQ(arrived.size(), result.cpus);
    for (std::uint32_t cpu = 0; cpu < result.cpus; ++cpu) {
        const auto lines = arrived.find(fmt::format("[cpu {}]", cpu));
        ASSERT_NE(lines, arrived.end()) << "nothing from vCPU " << cpu;
        EXPECT_EQ(lines->second, sent_by(cpu, lines_per_cpu));
    }
}

TEST_F(ChannelTest, ATestWithoutTheMeasurementThatItIsRunForFails) {
    TestSettings settings;
    settings.expected = "walk";
    const TestResult result = run("boot", "empty", settings);
    EXPECT_EQ(result.verdict, Verdict::failed);
    EXPECT_EQ(result.reason, "the guest sent no measurement walk");
}

TEST_F(ChannelTest, RingsOfOneRecordLoseNothing) {
    for (int round = 0; round < 5; ++round) {
        const TestResult result = passed("smallest_rings_all_cpus_at_once");
        EXPECT_EQ(result.cpus, 4U);
        expect_all_lines(result);
    }
}

TEST_F(ChannelTest, RingsOfEightRecordsLoseNothing) {
    for (int round = 0; round < 5; ++round) {
        expect_all_lines(passed("small_rings_all_cpus_at_once"));
    }
}

TEST_F(ChannelTest, ManyMoreCpusThanTheHostHas) {
    TestSettings settings;
    settings.cpus = 16;
    settings.timeout = std::chrono::seconds(120);
    const TestResult result = passed("smallest_rings_all_cpus_at_once", settings);
    EXPECT_EQ(result.cpus, 16U);
    expect_all_lines(result);
}

TEST_F(ChannelTest, ALargeRingIsTakenAtOnce) {
    const TestResult result = passed("no_exit_while_the_ring_has_room");
    EXPECT_EQ(result.log, sent_by(0, lines_per_cpu));
}

TEST_F(ChannelTest, EveryKindOfArgument) {
    EXPECT_THAT(
        passed("every_kind_of_argument").log,
        ElementsAre("[cpu 0] 18446744073709551615 -9223372036854775807 true",
                    "[cpu 0] 0xff   text 7", "[cpu 0] no argument", "[cpu 0] 1 of 2 of 3 of 4"));
}

TEST_F(ChannelTest, AMeasurementArrivesWhole) {
    const TestResult result = passed("a_measurement_arrives_whole");
    ASSERT_THAT(result.measurements, SizeIs(1));
    const MeasurementEvent& measurement = result.measurements[0];
    EXPECT_EQ(measurement.name, "hundred");
    EXPECT_EQ(measurement.unit, "things");
    ASSERT_TRUE(measurement.proof);
    EXPECT_EQ(measurement.proof->checks, 100U);
    ASSERT_THAT(measurement.parameters, SizeIs(3)) << "with the violations";
    EXPECT_EQ(measurement.parameters[0].name, "number");
    EXPECT_EQ(std::get<std::uint64_t>(measurement.parameters[0].value), 7U);
    EXPECT_EQ(measurement.parameters[1].name, "word");
    EXPECT_EQ(std::get<std::string>(measurement.parameters[1].value), "seven");

    stats::Histogram expected;
    for (std::uint64_t value = 1; value <= 100; ++value) {
        expected.record(value);
    }
    const stats::Histogram& histogram = measurement.histogram;
    EXPECT_EQ(histogram.count(), 100U) << "what came after the report must not be in it";
    EXPECT_EQ(histogram.min(), 1U);
    EXPECT_EQ(histogram.max(), 100U);
    EXPECT_EQ(histogram.sum_low(), 5050U);
    for (std::size_t bucket = 0; bucket < stats::Histogram::bucket_count; ++bucket) {
        EXPECT_EQ(histogram.count_in(bucket), expected.count_in(bucket)) << bucket;
    }
}

// The planted bugs.

TEST_F(ChannelTest, ALostRecordFailsTheTest) {
    const TestResult result = run("crash", "lost_record");
    EXPECT_EQ(result.verdict, Verdict::failed);
    EXPECT_THAT(result.reason,
                AllOf(HasSubstr("the record channel is broken"), HasSubstr("lost or overwritten")));
    EXPECT_THAT(result.log, ElementsAre("[cpu 0] a record that arrives"));
}

TEST_F(ChannelTest, AnImpossibleRingFailsTheTest) {
    const TestResult result = run("crash", "impossible_ring");
    EXPECT_EQ(result.verdict, Verdict::failed);
    EXPECT_THAT(result.reason, HasSubstr("the record channel is broken"));
    EXPECT_THAT(result.log, IsEmpty());
}

}  // namespace
}  // namespace nestbed::vmm
