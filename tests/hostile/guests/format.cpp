// Strings that are no formats, or would drive a terminal.

#include "tests/hostile/guests/hostile.hpp"

namespace nestbed::guest {
namespace {

using namespace hostile;

constexpr std::uint16_t strings = 0x4444;

GUEST_TEST(format, that_are_none) {
    for (const char* text : {"{",
                             "}",
                             "{}",
                             "{{{",
                             "{:",
                             "{:}",
                             "{0",
                             "{0}{}",
                             "{99999999999999999999}",
                             "{-1}",
                             "{a}",
                             "{:{}}",
                             "{:{:{:{}}}}",
                             "{{{{{{{{{{{{{{{{{{{{{",
                             "%n%n%n%s%s%s",
                             "%99999999999d",
                             "{:n}",
                             "{!r}",
                             "{0.__class__}",
                             "{:%Y}",
                             "{:}}{"}) {
        send(RecordType::log, text);
        send(RecordType::log, text, 1, 0, {~std::uint64_t{0}});
        send(RecordType::log, text, 4, strings,
             {address_of(*text), address_of(*text), 1, address_of(*text)});
    }
}

GUEST_TEST(format, that_are_wide) {
    for (const char* text :
         {"{:999999999999999999999}", "{:4294967296}", "{:2147483647}", "{:1000}", "{:999}",
          "{:.999999999999}", "{:.2147483647}", "{:0999}", "{:#0999x}", "{:x>999}", "{:.999s}"}) {
        send(RecordType::log, text, 1, 0, {1});
        send(RecordType::log, text, 1, strings, {address_of(*text)});
    }
}

GUEST_TEST(format, with_kinds_that_are_none) {
    for (const std::uint16_t kinds :
         std::initializer_list<std::uint16_t>{0xFFFF, 0x5555, 0xF0F0, 0x4321}) {
        send(RecordType::log, "{} {} {} {}", 4, kinds, {1, 2, 3, 4});
        send(RecordType::log, "{} {} {} {}", 255, kinds, {1, 2, 3, 4});
    }
}

constexpr std::size_t longest = 4096;
char long_text[5 * longest];

const char* fill(std::size_t length, char with) {
    for (std::size_t n = 0; n < length; ++n) {
        long_text[n] = with;
    }
    long_text[length] = '\0';
    return long_text;
}

GUEST_TEST(format, of_open_braces) { send(RecordType::log, fill(longest - 1, '{')); }
GUEST_TEST(format, of_closed_braces) { send(RecordType::log, fill(longest - 1, '}')); }
GUEST_TEST(format, of_digits) {
    fill(longest - 1, '9');
    long_text[0] = '{';
    send(RecordType::log, long_text);
}
GUEST_TEST(format, one_too_long) { send(RecordType::log, fill(longest + 1, 'x')); }
GUEST_TEST(format, without_end) {
    for (char& c : long_text) {
        c = 'x';
    }
    send(RecordType::log, long_text);
}
GUEST_TEST(format, of_seven_longest_strings) {
    const std::uint64_t text = address_of(*fill(longest - 1, 'x'));
    static channel::Expectation expectation{};
    expectation = {long_text, long_text, long_text, long_text, 1};
    send(RecordType::log, long_text, 4, strings, {text, text, text, text});
    send(RecordType::failure, &expectation, 2, strings, {text, text});
}
GUEST_TEST(format, of_controls) {
    for (const char* text : {"\x1b[2J\x1b[31mred\x1b]0;title\x07",
                             "\x9b"
                             "31m",
                             "\xc2\x9b"
                             "31m\xc2\x85",
                             "\r\rover\b\b\b\b\b",
                             "\xe2\x80\xae"
                             "dlrow",
                             "\v\f\x0e\x7f", "a\nnestbed: b\n\n\n", "\x1bP$q\x1b\\"}) {
        send(RecordType::log, text);
        send(RecordType::log, "{:*^30}", 1, 4, {address_of(*text)});
    }
}
GUEST_TEST(format, of_bytes_that_are_no_text) {
    for (const char* text : {"\xff\xfe\xfd", "\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\xaf",
                             "{\xff}", "{:\xff>3}", "{:\xe2\x82\xac>3}"}) {
        send(RecordType::log, text);
        send(RecordType::log, text, 1, 0, {1});
    }
}
GUEST_TEST(format, controls_in_a_failure) {
    static const channel::Expectation expectation{"\x1b[2J.cpp", "\x1b[31mleft",
                                                  "\x9b==", "right\x07\xff", 1};
    send(RecordType::failure, &expectation, 2, strings,
         {address_of(*"\x1b[0m"), address_of(*"\xff\n\n")});
}
GUEST_TEST(format, controls_in_a_skip) {
    send(RecordType::skip, "\x1b[2J\xff\xc2\x9b\n::error::x");
}
GUEST_TEST(format, controls_in_a_parameter) {
    send(RecordType::parameter, "\x1b[2J\xff\xc2\x9b\n");
}
GUEST_TEST(format, controls_in_a_measurement) {
    static stats::Histogram histogram;
    static channel::Measurement measurement{"\x1b[2J", "\x9b\n", &histogram, 1, 0, 0, {}, {}};
    measurement.parameters[0] = {"\x1b[31m\xff", "\r\n\x07", 0, 0};
    histogram.record(1);
    send(RecordType::measurement, &measurement);
}

}  // namespace
}  // namespace nestbed::guest
