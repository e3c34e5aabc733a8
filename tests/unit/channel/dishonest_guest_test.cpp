// The host's end of the rings, fed by hand with what no honest guest writes: each bug that is
// planted here is found and named.

#include <gmock/gmock.h>

#include <random>

#include "tests/unit/channel/reading.hpp"
#include "vmm/channel/record_decoder.hpp"

namespace nestbed::vmm {
namespace {

using test::FakeGuest;
using test::lines_of;
using test::reader_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(RecordReader, ARecordThatWasOverwrittenIsReported) {
    // Two records into a ring of one, with no doorbell between: what a writer would do that does
    // not look whether its ring is full.
    FakeGuest guest(2, 1);
    RecordReader reader = reader_of(guest);
    guest.log(1, "lost");
    guest.log(1, "arrives too early");
    reader.drain(1);
    EXPECT_THAT(reader.finish().violations, ElementsAre(HasSubstr("vCPU 1: its ring's head is 2")));
}

TEST(RecordReader, ASkippedSequenceNumberIsReported) {
    FakeGuest guest;
    RecordReader reader = reader_of(guest);
    guest.log(0, "zero");
    channel::Record record = guest.next_record(0, guest.text("two"));
    record.sequence = 2;
    guest.write(0, record);
    const GuestRecords records = reader.finish();
    EXPECT_THAT(lines_of(records), ElementsAre("zero"));
    EXPECT_THAT(records.violations, ElementsAre(HasSubstr("one was lost or overwritten")));
}

TEST(RecordReader, ARecordThatIsThereTwiceIsReported) {
    FakeGuest guest;
    RecordReader reader = reader_of(guest);
    const channel::Record record = guest.next_record(0, guest.text("once"));
    guest.write(0, record);
    guest.write(0, record);
    const GuestRecords records = reader.finish();
    EXPECT_THAT(lines_of(records), ElementsAre("once"));
    EXPECT_THAT(records.violations, ElementsAre(HasSubstr("one was lost or overwritten")));
}

TEST(RecordReader, ARecordInAnotherCpusRingIsReported) {
    FakeGuest guest(2);
    RecordReader reader = reader_of(guest);
    guest.write(0, guest.next_record(1, guest.text("whose?")));
    const GuestRecords records = reader.finish();
    EXPECT_EQ(records.count, 0U);
    EXPECT_THAT(records.violations, ElementsAre(HasSubstr("record 0 of vCPU 1")));
}

TEST(RecordReader, OneCpusViolationLeavesTheOthersAlone) {
    FakeGuest guest(2);
    RecordReader reader = reader_of(guest);
    guest.set_head(0, 1000);
    guest.log(1, "fine");
    const GuestRecords records = reader.finish();
    EXPECT_THAT(lines_of(records), ElementsAre("fine"));
    EXPECT_EQ(records.violations.size(), 1U);
}

TEST(RecordReader, ImpossibleHeads) {
    for (const std::uint64_t head : {std::uint64_t{9}, std::uint64_t{1} << 40, ~std::uint64_t{0}}) {
        FakeGuest guest;
        RecordReader reader = reader_of(guest);
        guest.set_head(0, head);
        const GuestRecords records = reader.finish();
        EXPECT_EQ(records.count, 0U);
        EXPECT_THAT(records.violations, ElementsAre(HasSubstr(std::to_string(head))));
    }
}

TEST(RecordReader, AHeadThatGoesBackIsReported) {
    FakeGuest guest;
    RecordReader reader = reader_of(guest);
    guest.log(0, "one");
    guest.log(0, "two");
    reader.drain(0);
    guest.set_head(0, 1);
    reader.drain(0);
    EXPECT_EQ(reader.finish().violations.size(), 1U);
}

TEST(RecordReader, ItsOwnTailAndCapacityCountNotTheGuests) {
    FakeGuest guest;
    RecordReader reader = reader_of(guest);
    guest.log(0, "one");
    reader.drain(0);
    const channel::RingHeader forged{1, 1'000'000, 1U << 30};
    ASSERT_TRUE(guest.memory().write(guest.rings()[0], forged));
    guest.log(0, "two");
    const GuestRecords records = reader.finish();
    EXPECT_THAT(lines_of(records), ElementsAre("one", "two"));
    EXPECT_THAT(records.violations, IsEmpty());
    EXPECT_EQ(guest.tail(0), 2U);
}

TEST(RecordReader, PointersToNothing) {
    for (const int type : {0, 1, 2, 3, 4, 5, 255}) {
        for (const std::uint64_t address :
             {std::uint64_t{0}, std::uint64_t{0x1234}, ~std::uint64_t{0}, std::uint64_t{1} << 63,
              channel::layout::direct_map + (std::uint64_t{1} << 40)}) {
            FakeGuest guest;
            RecordReader reader = reader_of(guest);
            channel::Record record = guest.next_record(0, address);
            record.type = static_cast<channel::RecordType>(type);
            record.argument_count = 2;
            guest.write(0, record);
            const GuestRecords records = reader.finish();
            EXPECT_EQ(records.count, 0U);
            EXPECT_THAT(records.violations, ElementsAre(HasSubstr("points to nothing")));
        }
    }
}

TEST(RecordReader, AMeasurementMustBeWhole) {
    const auto violations = [](auto spoil) {
        FakeGuest guest;
        RecordReader reader = reader_of(guest);
        stats::Histogram histogram;
        histogram.record(7);
        channel::Measurement measurement{};
        measurement.name = {guest.text("name")};
        measurement.unit = {guest.text("unit")};
        spoil(guest, measurement, histogram);
        if (!measurement.histogram) {
            measurement.histogram = {guest.place(histogram)};
        }
        channel::Record record = guest.next_record(0, guest.place(measurement));
        record.type = channel::RecordType::measurement;
        guest.write(0, record);
        return reader.finish().violations.size();
    };
    EXPECT_EQ(violations([](auto&, auto&, auto&) {}), 0U);
    EXPECT_EQ(violations([](auto&, auto& m, auto&) { m.name = {}; }), 1U);
    EXPECT_EQ(violations([](auto&, auto& m, auto&) { m.unit = {1}; }), 1U);
    EXPECT_EQ(violations([](auto&, auto& m, auto&) { m.histogram = {8}; }), 1U);
    EXPECT_EQ(violations([](auto&, auto& m, auto&) { m.parameter_count = 1; }), 1U);
    EXPECT_EQ(violations([](auto&, auto& m, auto&) { m.parameter_count = 9; }), 1U);
    EXPECT_EQ(violations([](auto&, auto& m, auto&) { m.parameter_count = ~0U; }), 1U);
    EXPECT_EQ(violations([](auto&, auto&, auto& histogram) {
                  // The first word of its buckets, or whatever comes first: no histogram.
                  std::uint64_t word = 1'000'000;
                  std::memcpy(static_cast<void*>(&histogram), &word, sizeof word);
              }),
              1U);
}

TEST(RecordReader, AFloodOfTextIsStopped) {
    // Each line is the largest that a record can make: five million characters out of 64 bytes.
    FakeGuest guest;
    RecordReader reader = reader_of(guest);
    std::string format;
    while (format.size() < 2000) {
        format += "{0}";
    }
    channel::Record record{};
    record.type = channel::RecordType::log;
    record.text = {guest.text(format)};
    record.argument_count = 1;
    record.kinds = static_cast<std::uint16_t>(channel::ArgumentKind::string);
    record.arguments[0] = guest.text(std::string(2000, 'x'));
    for (std::uint32_t n = 0; n < 1000; ++n) {
        record.sequence = n;
        guest.write(0, record);
        reader.drain(0);
    }
    const GuestRecords records = reader.finish();
    EXPECT_LT(records.count, 300U);
    EXPECT_THAT(records.violations, ElementsAre(HasSubstr("records say takes more than 32 MiB")));
}

/// A log record whose line has 500,000 characters.
channel::Record huge_line(FakeGuest& guest) {
    std::string format;
    while (format.size() < 750) {
        format += "{0}";
    }
    channel::Record record{};
    record.type = channel::RecordType::log;
    record.text = {guest.text(format)};
    record.argument_count = 1;
    record.kinds = static_cast<std::uint16_t>(channel::ArgumentKind::string);
    record.arguments[0] = guest.text(std::string(2000, 'x'));
    return record;
}

void send(FakeGuest& guest, RecordReader& reader, std::uint32_t cpu, channel::Record record) {
    const channel::Record next = guest.next_record(cpu, record.text.address);
    record.cpu = next.cpu;
    record.sequence = next.sequence;
    record.tsc = next.tsc;
    guest.write(cpu, record);
    reader.drain(cpu);
}

constexpr int kept_lines = 20'000;

TEST(RecordReader, AFloodBehindLinesThatAreSmallIsLeftOut) {
    // Of those that are read last, in case they are the last: the very last ones have the room.
    FakeGuest guest(64);
    RecordReader reader = reader_of(guest);
    const channel::Record huge = huge_line(guest);
    const channel::Record tiny = guest.next_record(0, guest.text("x"));
    for (int n = 0; n < kept_lines; ++n) {
        send(guest, reader, 0, tiny);
    }
    constexpr int huge_lines = 200;
    for (int n = 0; n < huge_lines; ++n) {
        send(guest, reader, 0, huge);
    }
    send(guest, reader, 0, tiny);
    const GuestRecords records = reader.finish();
    EXPECT_THAT(records.violations, IsEmpty());
    EXPECT_EQ(records.count, kept_lines + huge_lines + 1U);
    EXPECT_EQ(records.log.size() + records.log_left_out, records.count);
    EXPECT_GT(records.log_left_out, 100U);
    EXPECT_EQ(records.log.back(), "[cpu 0] x");
    std::size_t bytes = 0;
    for (const std::string& line : records.log) {
        bytes += line.size();
    }
    EXPECT_LE(bytes, most_decoded_bytes);
    EXPECT_GT(bytes, most_decoded_bytes / 2);
}

TEST(RecordReader, AParameterIsReadOnceHoweverOftenItIsLookedUp) {
    FakeGuest guest;
    RecordReader reader = reader_of(guest);
    channel::Record record = guest.next_record(0, guest.text(std::string(4000, 'p')));
    record.type = channel::RecordType::parameter;
    constexpr int lookups = 10'000;
    for (int n = 0; n < lookups; ++n) {
        send(guest, reader, 0, record);
    }
    const GuestRecords records = reader.finish();
    EXPECT_THAT(records.violations, IsEmpty());
    EXPECT_EQ(records.asked_for.size(), 1U);
}

TEST(RecordReader, ALastLineThatPointsToNothingIsAViolation) {
    FakeGuest guest;
    RecordReader reader = reader_of(guest);
    const channel::Record tiny = guest.next_record(0, guest.text("x"));
    for (int n = 0; n < kept_lines; ++n) {
        send(guest, reader, 0, tiny);
    }
    channel::Record bad = tiny;
    bad.text = {0x1234};
    send(guest, reader, 0, bad);
    EXPECT_THAT(reader.finish().violations, ElementsAre(HasSubstr("points to nothing (0x1234)")));
}

TEST(RecordReader, WhatIsLeftOutTakesNothingOfWhoeverSaidIt) {
    // The one's huge lines go for the others' tiny ones, over and over.
    FakeGuest guest(64);
    RecordReader reader = reader_of(guest);
    const channel::Record huge = huge_line(guest);
    const channel::Record tiny = guest.next_record(0, guest.text("x"));
    for (std::uint32_t round = 0; round < 4; ++round) {
        for (int n = 0; n < kept_lines; ++n) {
            send(guest, reader, 1 + round, tiny);
        }
        for (int n = 0; n < 5; ++n) {
            send(guest, reader, 0, huge);
        }
    }
    const GuestRecords records = reader.finish();
    EXPECT_THAT(records.violations, IsEmpty());
    EXPECT_EQ(records.count, 4U * (kept_lines + 5));
}

TEST(RecordReader, AFloodOfRecordsIsStopped) {
    // Measurements are the largest records: 15 KiB each. A share of the whole is what each of 64
    // vCPUs may take.
    FakeGuest guest(64);
    RecordReader reader = reader_of(guest);
    channel::Measurement measurement{};
    measurement.name = {guest.text("name")};
    measurement.unit = {guest.text("unit")};
    measurement.histogram = {guest.place(stats::Histogram{})};
    channel::Record record = guest.next_record(0, guest.place(measurement));
    record.type = channel::RecordType::measurement;
    for (std::uint32_t n = 0; n < 300; ++n) {
        record.sequence = n;
        guest.write(0, record);
        reader.drain(0);
    }
    guest.log(63, "fine");
    const GuestRecords records = reader.finish();
    EXPECT_THAT(records.violations,
                ElementsAre(HasSubstr("vCPU 0: its records take more than 2 MiB")));
    EXPECT_EQ(records.count, (2U << 20) / (64 + sizeof measurement + sizeof(stats::Histogram)) + 1);
}

TEST(RecordReader, AMeasurementMayChangeAfterItsDoorbell) {
    FakeGuest guest;
    RecordReader reader = reader_of(guest);
    stats::Histogram histogram;
    histogram.record(7);
    channel::Measurement measurement{};
    measurement.name = {guest.text("name")};
    measurement.unit = {guest.text("unit")};
    measurement.histogram = {guest.place(histogram)};
    const std::uint64_t place = guest.place(measurement);
    channel::Record record = guest.next_record(0, place);
    record.type = channel::RecordType::measurement;
    guest.write(0, record);
    reader.drain(0);
    const auto physical = [](std::uint64_t address) {
        return address - channel::layout::direct_map;
    };
    ASSERT_TRUE(guest.memory().write(physical(measurement.histogram.address), ~std::uint64_t{0}));
    ASSERT_TRUE(guest.memory().write(physical(place), channel::Measurement{}));
    const GuestRecords records = reader.finish();
    EXPECT_THAT(records.violations, IsEmpty());
    ASSERT_EQ(records.measurements.size(), 1U);
    const MeasurementEvent& event = records.measurements[0];
    EXPECT_EQ(event.name, "name");
    EXPECT_EQ(event.histogram.max(), 7U);
}

TEST(RecordReader, TheFirstOfTwoViolationsIsReported) {
    // One that is found when records are read, before one that is found when they are taken.
    FakeGuest guest;
    RecordReader reader = reader_of(guest);
    guest.write(0, guest.next_record(0, 0x1234));
    reader.drain(0);
    guest.set_head(0, 1000);
    reader.drain(0);
    EXPECT_THAT(reader.finish().violations, ElementsAre(HasSubstr("points to nothing")));
}

TEST(RecordReader, RandomMemoryDoesNoHarm) {
    std::mt19937_64 random(3);
    for (int round = 0; round < 300; ++round) {
        FakeGuest guest(2);
        RecordReader reader = reader_of(guest);
        const std::uint64_t good_text = guest.text("{} {} {} {}");
        for (int n = 0; n < 8; ++n) {
            channel::Record record = guest.next_record(0, good_text);
            for (std::uint64_t& argument : record.arguments) {
                argument = random() % 2 == 0 ? random() : good_text + random() % 16;
            }
            record.kinds = static_cast<std::uint16_t>(random() & 0x7777);
            record.argument_count = static_cast<std::uint8_t>(random() % 6);
            record.type = static_cast<channel::RecordType>(random() % 6);
            if (random() % 4 == 0) {
                record.text = {random()};
            }
            guest.write(0, record);
        }
        guest.set_head(1, random() % 16);
        static_cast<void>(reader.finish());
    }
}

}  // namespace
}  // namespace nestbed::vmm
