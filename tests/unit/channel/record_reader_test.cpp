// The host's end of the rings, fed by hand as an honest guest does it: nothing is lost.

#include "vmm/channel/record_reader.hpp"

#include <gmock/gmock.h>

#include <thread>

#include "tests/unit/channel/reading.hpp"

namespace nestbed::vmm {
namespace {

using test::FakeGuest;
using test::lines_of;
using test::reader_of;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(RecordReader, AnUntouchedRingIsEmpty) {
    FakeGuest guest(4);
    RecordReader reader = reader_of(guest);
    const GuestRecords records = reader.finish();
    EXPECT_EQ(records.count, 0U);
    EXPECT_THAT(records.violations, IsEmpty());
}

TEST(RecordReader, TellsTheGuestWhatItTook) {
    FakeGuest guest;
    RecordReader reader = reader_of(guest);
    guest.log(0, "one");
    guest.log(0, "two");
    EXPECT_EQ(guest.tail(0), 0U);
    reader.drain(0);
    EXPECT_EQ(guest.tail(0), 2U);
    guest.log(0, "three");
    EXPECT_THAT(lines_of(reader.finish()), ElementsAre("one", "two", "three"));
}

TEST(RecordReader, ARingIsUsedAroundAndAround) {
    for (const std::uint64_t capacity : {1U, 2U, 8U, 32U}) {
        FakeGuest guest(1, capacity);
        RecordReader reader = reader_of(guest);
        std::vector<std::string> sent;
        for (int n = 0; n < 100; ++n) {
            if (guest.head(0) - guest.tail(0) == capacity) {
                reader.drain(0);
            }
            sent.push_back("line " + std::to_string(n));
            guest.log(0, sent.back());
        }
        const GuestRecords records = reader.finish();
        EXPECT_EQ(lines_of(records), sent) << "a ring of " << capacity;
        EXPECT_THAT(records.violations, IsEmpty());
    }
}

TEST(RecordReader, EventsAreInTheOrderOfTimeAndOfTheirCpu) {
    FakeGuest guest(3);
    RecordReader reader = reader_of(guest);
    const auto log_at = [&](std::uint32_t cpu, std::string_view line, std::uint64_t tsc) {
        channel::Record record = guest.next_record(cpu, guest.text(line));
        record.tsc = tsc;
        guest.write(cpu, record);
    };
    log_at(2, "early", 10);
    log_at(1, "same time, first", 20);
    log_at(1, "same time, second", 20);
    log_at(0, "late", 30);
    EXPECT_THAT(reader.finish().log, ElementsAre("[cpu 2] early", "[cpu 1] same time, first",
                                                 "[cpu 1] same time, second", "[cpu 0] late"));
}

TEST(RecordReader, FailuresAndSkipsAndMeasurements) {
    FakeGuest guest;
    RecordReader reader = reader_of(guest);
    const channel::Expectation site{
        {guest.text("file.cpp")}, {guest.text("a")}, {guest.text("==")}, {guest.text("b")}, 12};
    channel::Record failure = guest.next_record(0, guest.place(site));
    failure.type = channel::RecordType::failure;
    failure.argument_count = 2;
    failure.arguments[0] = 1;
    failure.arguments[1] = 2;
    guest.write(0, failure);

    channel::Record skip = guest.next_record(0, guest.text("no such thing"));
    skip.type = channel::RecordType::skip;
    guest.write(0, skip);

    stats::Histogram histogram;
    histogram.record(7);
    channel::Measurement measurement{};
    measurement.name = {guest.text("name")};
    measurement.unit = {guest.text("cycles")};
    measurement.histogram = {guest.place(histogram)};
    measurement.parameter_count = 1;
    measurement.parameters[0] = {{guest.text("pages")}, {}, 64, 0};
    channel::Record measured = guest.next_record(0, guest.place(measurement));
    measured.type = channel::RecordType::measurement;
    guest.write(0, measured);

    const GuestRecords records = reader.finish();
    EXPECT_THAT(records.violations, IsEmpty());
    EXPECT_EQ(records.count, 3U);
    ASSERT_EQ(records.failures.size(), 1U);
    const FailedExpectation& failed = records.failures[0];
    EXPECT_EQ(failed.file, "file.cpp");
    EXPECT_EQ(failed.line, 12U);
    EXPECT_EQ(failed.expression, "a == b");
    EXPECT_EQ(failed.values, "1 == 2");
    EXPECT_EQ(records.skip, "no such thing");
    ASSERT_EQ(records.measurements.size(), 1U);
    const MeasurementEvent& result = records.measurements[0];
    EXPECT_EQ(result.name, "name");
    EXPECT_EQ(result.histogram.max(), 7U);
    ASSERT_EQ(result.parameters.size(), 1U);
    EXPECT_EQ(std::get<std::uint64_t>(result.parameters[0].value), 64U);
}

TEST(RecordReader, FailuresOfAConditionShowItsOperandsOrItsValue) {
    FakeGuest guest;
    RecordReader reader = reader_of(guest);
    const auto write = [&](std::string_view condition, std::string_view relation,
                           std::initializer_list<std::uint64_t> values) {
        const channel::Expectation site{
            {guest.text("file.cpp")}, {guest.text(condition)}, {guest.text(relation)}, {}, 12};
        channel::Record failure = guest.next_record(0, guest.place(site));
        failure.type = channel::RecordType::failure;
        for (const std::uint64_t value : values) {
            failure.arguments[failure.argument_count++] = value;
        }
        guest.write(0, failure);
    };
    write("cpu == 0", "==", {1, 0});
    write("flags & mask", "", {0});
    const GuestRecords records = reader.finish();
    EXPECT_THAT(records.violations, IsEmpty());
    ASSERT_EQ(records.failures.size(), 2U);
    EXPECT_EQ(records.failures[0].expression, "cpu == 0");
    EXPECT_EQ(records.failures[0].values, "1 == 0");
    EXPECT_EQ(records.failures[1].expression, "flags & mask");
    EXPECT_EQ(records.failures[1].values, "0");
}

TEST(RecordReader, AFailureOfNoOrOfThreeValuesIsNone) {
    for (const std::uint8_t count : {std::uint8_t{0}, std::uint8_t{3}}) {
        FakeGuest guest;
        RecordReader reader = reader_of(guest);
        const channel::Expectation site{
            {guest.text("file.cpp")}, {guest.text("a")}, {guest.text("")}, {}, 12};
        channel::Record failure = guest.next_record(0, guest.place(site));
        failure.type = channel::RecordType::failure;
        failure.argument_count = count;
        guest.write(0, failure);
        const GuestRecords records = reader.finish();
        EXPECT_EQ(records.violations.size(), 1U) << +count;
        EXPECT_THAT(records.failures, IsEmpty()) << +count;
    }
}

TEST(RecordReader, CpusAreDrainedSideBySide) {
    constexpr std::uint32_t cpus = 4;
    constexpr std::uint32_t rounds = 100;
    FakeGuest guest(cpus, 1);
    const std::uint64_t line = guest.text("line");
    RecordReader reader = reader_of(guest);
    std::vector<std::jthread> threads;
    for (std::uint32_t cpu = 0; cpu < cpus; ++cpu) {
        threads.emplace_back([&, cpu] {
            for (std::uint32_t n = 0; n < rounds; ++n) {
                channel::Record record{};
                record.type = channel::RecordType::log;
                record.text = {line};
                record.cpu = static_cast<std::uint8_t>(cpu);
                record.sequence = n;
                guest.write(cpu, record);
                reader.drain(cpu);
            }
        });
    }
    threads.clear();
    const GuestRecords records = reader.finish();
    EXPECT_EQ(records.count, std::uint64_t{cpus} * rounds);
    EXPECT_THAT(records.violations, IsEmpty());
}

TEST(RecordReader, OfAFloodOfLinesTheFirstAndTheLastAreKept) {
    FakeGuest guest;
    RecordReader reader = reader_of(guest);
    const std::uint64_t format = guest.text("line {}");
    for (std::uint64_t n = 0; n < 25'000; ++n) {
        channel::Record record = guest.next_record(0, format);
        record.argument_count = 1;
        record.arguments[0] = n;
        guest.write(0, record);
        reader.drain(0);
    }
    const GuestRecords records = reader.finish();
    EXPECT_THAT(records.violations, IsEmpty());
    EXPECT_EQ(records.count, 25'000U);
    EXPECT_EQ(records.log_left_out, 5'000U);
    ASSERT_EQ(records.log.size(), 20'000U);
    EXPECT_EQ(records.log[9'999], "[cpu 0] line 9999");
    EXPECT_EQ(records.log[10'000], "[cpu 0] line 15000");
    EXPECT_EQ(records.log.back(), "[cpu 0] line 24999");
}

}  // namespace
}  // namespace nestbed::vmm
