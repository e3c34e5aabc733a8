// Records that point to nothing, or to what is not what it should be.

#include "tests/hostile/guests/hostile.hpp"

namespace nestbed::guest {
namespace {

using namespace hostile;
using channel::ArgumentKind;
using channel::Expectation;
using channel::Measurement;

/// Two pages, the second of which is taken away; a string and an Expectation begin in the first.
alignas(4096) char two_pages[2 * 4096];

std::uint64_t across_a_hole() {
    for (std::uint64_t n = 4096 - 8; n < 4096; ++n) {
        two_pages[n] = 'x';
    }
    entry_of(address_of(two_pages[4096]), 1) = 0;
    flush_tlb();
    return address_of(two_pages[4096 - 8]);
}

std::uint64_t in_a_hole() {
    map_page(unmapped, hole);
    return unmapped;
}

std::uint64_t in_mmio() {
    map_page(unmapped, mmio_hole);
    return unmapped + 8;
}

/// The last byte of memory, with the hole behind it mapped behind it.
std::uint64_t at_the_end_of_memory() {
    const std::uint64_t end = boot_info().free_memory_end;
    map_page(unmapped, end - 4096);
    map_page(unmapped + 4096, end);
    *pointer<char>(channel::layout::direct_map + end - 1) = 'x';
    return unmapped + 4095;
}

std::uint64_t in_nothing_mapped() { return unmapped; }
std::uint64_t at_a_non_canonical_address() { return non_canonical; }
std::uint64_t at_the_end_of_addresses() { return ~std::uint64_t{0}; }
std::uint64_t at_null() { return 0; }

/// Of each type, at each place.
#define POINTS(place)                                                                        \
    GUEST_TEST(record, log_##place) { send(RecordType::log, pointer(place())); }             \
    GUEST_TEST(record, skip_##place) { send(RecordType::skip, pointer(place())); }           \
    GUEST_TEST(record, parameter_##place) { send(RecordType::parameter, pointer(place())); } \
    GUEST_TEST(record, failure_##place) { send(RecordType::failure, pointer(place()), 1); }  \
    GUEST_TEST(record, measurement_##place) { send(RecordType::measurement, pointer(place())); }
POINTS(across_a_hole)
POINTS(in_a_hole)
POINTS(in_mmio)
POINTS(at_the_end_of_memory)
POINTS(in_nothing_mapped)
POINTS(at_a_non_canonical_address)
POINTS(at_the_end_of_addresses)
POINTS(at_null)

GUEST_TEST(record, of_type_0) { send(RecordType{0}, "text"); }
GUEST_TEST(record, of_type_6) { send(RecordType{6}, "text"); }
GUEST_TEST(record, of_type_255) { send(RecordType{255}, "text"); }

constexpr Expectation expectation{"a.cpp", "left", "==", "right", ~std::uint64_t{0}};

GUEST_TEST(record, failure_without_values) { send(RecordType::failure, &expectation); }
GUEST_TEST(record, failure_of_three_values) { send(RecordType::failure, &expectation, 3); }
GUEST_TEST(record, failure_of_255_values) { send(RecordType::failure, &expectation, 255); }
GUEST_TEST(record, failure_in_the_last_line) { send(RecordType::failure, &expectation, 2); }

GUEST_TEST(record, failure_of_texts_nowhere) {
    static Expectation lie{"a.cpp", "left", "==", "right", 1};
    lie.right = pointer(unmapped);
    send(RecordType::failure, &lie, 2);
}

GUEST_TEST(record, failure_that_is_its_own_text) {
    static Expectation lie{};
    lie = {pointer(address_of(lie)), pointer(address_of(lie)), pointer(address_of(lie)),
           pointer(address_of(lie)), 1};
    send(RecordType::failure, &lie, 2);
}

GUEST_TEST(record, failure_and_skip) {
    send(RecordType::failure, &expectation, 2);
    GUEST_SKIP("a reason");
}

GUEST_TEST(record, two_skips) {
    skip("one reason");
    GUEST_SKIP("another");
}

GUEST_TEST(record, skip_for_no_reason) { GUEST_SKIP(""); }

GUEST_TEST(record, time_goes_back) {
    GUEST_LOG("late");
    slot(0).tsc = ~std::uint64_t{0};
    GUEST_LOG("early");
    slot(1).tsc = 0;
}

GUEST_TEST(record, string_argument_nowhere) {
    constexpr std::uint16_t kinds = 0x4444;
    send(RecordType::log, "{} {} {} {}", 4, kinds, {unmapped, non_canonical, 0, ~std::uint64_t{0}});
}

// Measurements.

stats::Histogram histogram;
static_assert(sizeof histogram % 8 == 0);
std::uint64_t& word_of_histogram(std::size_t n) {
    return reinterpret_cast<std::uint64_t*>(&histogram)[n];
}
// The order of Histogram's members.
constexpr std::size_t count = 0;
constexpr std::size_t sum_high = 2;
constexpr std::size_t greatest = 3;
constexpr std::size_t first_bucket = 5;

Measurement measurement{"name", "unit", &histogram, 0, 0, 0, {}, {}};

void send_measurement() { send(RecordType::measurement, &measurement); }

GUEST_TEST(record, measurement_of_nothing) { send_measurement(); }

GUEST_TEST(record, measurement_of_more_than_was_counted) {
    histogram.record(1);
    word_of_histogram(count) = ~std::uint64_t{0};
    send_measurement();
}

GUEST_TEST(record, measurement_whose_counts_overflow) {
    histogram.record(1);
    word_of_histogram(first_bucket + 1) = ~std::uint64_t{0};
    word_of_histogram(first_bucket + 2) = 2;
    send_measurement();
}

GUEST_TEST(record, measurement_whose_sum_lies) {
    histogram.record(1);
    word_of_histogram(sum_high) = ~std::uint64_t{0};
    send_measurement();
}

GUEST_TEST(record, measurement_whose_greatest_is_least) {
    histogram.record(1000);
    word_of_histogram(greatest) = 0;
    send_measurement();
}

GUEST_TEST(record, measurement_of_2_64_values) {
    histogram.record(0);
    word_of_histogram(count) = word_of_histogram(first_bucket) = ~std::uint64_t{0};
    send_measurement();
}

GUEST_TEST(record, measurement_with_a_histogram_nowhere) {
    measurement.histogram = pointer<const void>(unmapped);
    send_measurement();
}

GUEST_TEST(record, measurement_with_a_histogram_across_a_hole) {
    measurement.histogram = pointer<const void>(across_a_hole());
    send_measurement();
}

GUEST_TEST(record, measurement_of_17_parameters) {
    histogram.record(1);
    measurement.parameter_count = 17;
    send_measurement();
}

GUEST_TEST(record, measurement_of_2_32_parameters) {
    histogram.record(1);
    measurement.parameter_count = ~std::uint32_t{0};
    send_measurement();
}

GUEST_TEST(record, measurement_with_a_name_nowhere) {
    histogram.record(1);
    measurement.name = pointer(non_canonical);
    send_measurement();
}

GUEST_TEST(record, measurement_with_a_parameter_nowhere) {
    histogram.record(1);
    measurement.parameter_count = 1;
    send_measurement();
}

GUEST_TEST(record, measurement_with_a_text_nowhere) {
    histogram.record(1);
    measurement.parameter_count = 1;
    measurement.parameters[0] = {"word", pointer(unmapped), 0, 0};
    send_measurement();
}

GUEST_TEST(record, measurement_with_equal_parameters) {
    histogram.record(1);
    measurement.parameter_count = channel::max_measurement_parameters;
    for (channel::Parameter& parameter : measurement.parameters) {
        parameter = {"violations", nullptr, ~std::uint64_t{0}, ~std::uint64_t{0}};
    }
    send_measurement();
}

GUEST_TEST(record, measurement_that_was_not_checked) {
    histogram.record(1);
    measurement.proved = 1;
    send_measurement();
}

GUEST_TEST(record, measurement_with_more_violations_than_checks) {
    histogram.record(1);
    measurement.proved = ~std::uint16_t{0};
    measurement.proof = {1, ~std::uint64_t{0}};
    send_measurement();
}

GUEST_TEST(record, two_measurements_of_one_name) {
    histogram.record(1);
    send_measurement();
    send_measurement();
}

}  // namespace
}  // namespace nestbed::guest
