// More records than anybody reads. User mode writes them, which runs as fast as the processor does.

#include "guest/kernel/user.hpp"
#include "tests/hostile/guests/hostile.hpp"

namespace nestbed::guest {
namespace {

using namespace hostile;

/// What all records of a flood are like, but for their number; the text of each is `step` bytes on
/// from that of the one before, within `texts` of them.
struct Pattern {
    std::uint64_t text;
    std::uint64_t step;
    std::uint64_t texts;
    RecordType type;
    std::uint8_t argument_count;
    std::uint16_t kinds;
    std::uint64_t argument;
};
GUEST_USER_DATA Pattern pattern;

/// Fills a ring of user mode's with `count` records of the pattern.
GUEST_USER std::uint64_t write_records(std::uint64_t ring_address, std::uint64_t count) {
    auto& header = *reinterpret_cast<volatile RingHeader*>(ring_address);
    auto* slots = reinterpret_cast<volatile Record*>(ring_address + sizeof(RingHeader));
    for (std::uint64_t n = 0; n < count; ++n) {
        const std::uint64_t head = header.head;
        volatile Record& record = slots[head & (header.capacity - 1)];
        record.tsc = head;
        record.sequence = static_cast<std::uint32_t>(head);
        record.kinds = pattern.kinds;
        record.type = pattern.type;
        record.argument_count = pattern.argument_count;
        record.text =
            reinterpret_cast<const void*>(pattern.text + head % pattern.texts * pattern.step);
        record.arguments[0] = pattern.argument;
        record.arguments[1] = pattern.argument;
        record.arguments[2] = pattern.argument;
        record.arguments[3] = pattern.argument;
        record.cpu = 0;
        header.head = head + 1;
    }
    return 0;
}

/// On CPU 0, with its ring empty.
void flood(std::uint64_t records, const Pattern& of) {
    RingHeader& header = ring();
    ring_doorbell();
    GUEST_REQUIRE(header.head == header.tail);
    for (std::uint64_t at = 0; at < 64 + header.capacity * 64; at += 2 << 20) {
        open_to_user(reinterpret_cast<const char*>(&header) + at);
    }
    open_to_user(reinterpret_cast<const char*>(&slot(header.capacity - 1)));
    pattern = of;
    for (std::uint64_t sent = 0; sent < records; sent += header.capacity) {
        static_cast<void>(run_user(write_records, address_of(header), header.capacity).value());
        ring_doorbell();
    }
}

constexpr char line[] = "a line that says nothing";
constexpr channel::Expectation expectation{"a.cpp", "left", "==", "right", 1};
constexpr std::uint16_t strings = 0x4444;

GUEST_TEST(flood, of_four_million_lines, {.ring_records = 65536}) {
    flood(std::uint64_t{4} << 20, {address_of(line), 0, 1, RecordType::log, 0, 0, 0});
}

GUEST_TEST(flood, of_a_million_failures, {.ring_records = 65536}) {
    flood(std::uint64_t{1} << 20, {address_of(expectation), 0, 1, RecordType::failure, 2, 0, 7});
}

GUEST_TEST(flood, of_a_million_skips, {.ring_records = 65536}) {
    flood(std::uint64_t{1} << 20, {address_of(line), 0, 1, RecordType::skip, 0, 0, 0});
}

constexpr std::size_t longest = 4096;
constexpr std::size_t names = 1 << 16;
char long_text[longest];
alignas(4096) char name_table[8 * names];

GUEST_USER std::uint64_t write_names(std::uint64_t first, std::uint64_t count) {
    for (std::uint64_t n = 0; n < count; ++n) {
        auto* name = reinterpret_cast<volatile char*>(first + 8 * n);
        for (std::uint64_t c = 0; c < 7; ++c) {
            name[c] = static_cast<char>('a' + (n >> 4 * c & 15));
        }
    }
    return 0;
}

GUEST_TEST(flood, of_different_parameters, {.ring_records = 65536}) {
    for (std::uint64_t at = 0; at < sizeof name_table; at += 4096) {
        entry_of(address_of(name_table[at]), 1) |= 4;
    }
    for (unsigned level = 4; level >= 2; --level) {
        for (std::uint64_t at = 0; at < sizeof name_table; at += 2 << 20) {
            entry_of(address_of(name_table[at]), level) |= 4;
        }
        entry_of(address_of(name_table[sizeof name_table - 1]), level) |= 4;
    }
    flush_tlb();
    static_cast<void>(run_user(write_names, address_of(name_table[0]), names).value());
    flood(names, {address_of(name_table[0]), 8, names, RecordType::parameter, 0, 0, 0});
}

GUEST_TEST(flood, of_longest_lines, {.ring_records = 65536}) {
    for (std::size_t n = 0; n + 1 < longest; ++n) {
        long_text[n] = 'x';
    }
    flood(std::uint64_t{1} << 16,
          {address_of(*"{} {} {} {}"), 0, 1, RecordType::log, 4, strings, address_of(long_text)});
}

GUEST_TEST(flood, of_measurements, {.ring_records = 4096}) {
    static stats::Histogram histogram;
    static channel::Measurement measurement{"name", "unit", &histogram, 0, 0, 0, {}, {}};
    histogram.record(1);
    flood(std::uint64_t{1} << 14,
          {address_of(measurement), 0, 1, RecordType::measurement, 0, 0, 0});
}

GUEST_TEST(flood, without_end, {.ring_records = 65536, .timeout = 2}) {
    flood(~std::uint64_t{0}, {address_of(line), 0, 1, RecordType::log, 0, 0, 0});
}

}  // namespace
}  // namespace nestbed::guest
