// The format strings that a guest may use: what the parser takes, {fmt} formats; what it refuses,
// it names.

#include "shared/channel/format_string.hpp"

#include <fmt/args.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <random>
#include <string>
#include <string_view>

namespace nestbed::channel {
namespace {

using enum ArgumentKind;
using enum FormatProblem;

constexpr FormatProblem check(std::string_view text, std::initializer_list<ArgumentKind> kinds) {
    return problem_of(text.data(), text.data() + text.size(), kinds.begin(),
                      static_cast<std::uint32_t>(kinds.size()));
}

// By the compiler, as in a guest.
static_assert(check("CPU {} saw {:#x}", {unsigned_integer, unsigned_integer}) == none);
static_assert(check("{", {}) == unmatched_brace);

TEST(FormatString, WhatAGuestMayWrite) {
    EXPECT_EQ(check("", {}), none);
    EXPECT_EQ(check("no field, {{}} and }}{{", {}), none);
    for (const char* text :
         {"{}", "{0}", "{:}", "{0:}", "{:d}", "{:#x}", "{:#010X}", "{:b}", "{:#B}", "{:o}", "{:>5}",
          "{:*^999}", "{:<}", "{:05}", "{:c}", "{:0<5}", "{{{}}}", "{0} {0}"}) {
        EXPECT_EQ(check(text, {unsigned_integer}), none) << text;
        EXPECT_EQ(check(text, {signed_integer}), none) << text;
    }
    for (const char* text : {"{:+}", "{: d}", "{:-#x}"}) {
        EXPECT_EQ(check(text, {signed_integer}), none) << text;
    }
    for (const char* text : {"{:s}", "{:.3}", "{:>10.3s}", "{:_<7}"}) {
        EXPECT_EQ(check(text, {string}), none) << text;
    }
    for (const char* text : {"{:p}", "{:>20}", "{:20p}"}) {
        EXPECT_EQ(check(text, {address}), none) << text;
    }
    for (const char* text : {"{:s}", "{:>6}", "{:d}", "{:#x}"}) {
        EXPECT_EQ(check(text, {boolean}), none) << text;
    }
    EXPECT_EQ(check("{1} {0} {3} {2}", {string, address, boolean, signed_integer}), none);
}

TEST(FormatString, WhatItMayNot) {
    const struct {
        FormatProblem problem;
        const char* text;
        std::initializer_list<ArgumentKind> kinds;
    } cases[] = {
        {more_fields_than_values, "{}", {}},
        {more_fields_than_values, "{} {}", {string}},
        {more_fields_than_values, "{1}", {string}},
        {more_values_than_fields, "", {string}},
        {more_values_than_fields, "{}", {string, string}},
        {more_values_than_fields, "{1}", {string, string}},
        {more_values_than_fields, "%d", {signed_integer}},
        {unmatched_brace, "{", {string}},
        {unmatched_brace, "}", {}},
        {unmatched_brace, "{}}", {string}},
        {unmatched_brace, "{:", {string}},
        {unmatched_brace, "{:>", {string}},
        {unmatched_brace, "{0", {string}},
        {unmatched_brace, "{{}", {string}},
        {numbered_and_unnumbered_fields, "{} {0}", {string}},
        {numbered_and_unnumbered_fields, "{0} {}", {string}},
        {unknown_specification, "{name}", {string}},
        {unknown_specification, "{!}", {string}},
        {unknown_specification, "{ }", {string}},
        {unknown_specification, "{00}", {string}},
        {unknown_specification, "{:.}", {string}},
        {unknown_specification, "{:ll}", {signed_integer}},
        {unknown_specification, "{:08lx}", {signed_integer}},
        {unknown_specification, "{:}<5}", {signed_integer}},
        {specification_of_another_type, "{:x}", {string}},
        {specification_of_another_type, "{:#x}", {address}},
        {specification_of_another_type, "{:s}", {signed_integer}},
        {specification_of_another_type, "{:f}", {signed_integer}},
        {specification_of_another_type, "{:.2}", {signed_integer}},
        {specification_of_another_type, "{:+}", {unsigned_integer}},
        {specification_of_another_type, "{:05}", {string}},
        {specification_of_another_type, "{:05}", {address}},
        {specification_of_another_type, "{:p}", {unsigned_integer}},
        {specification_of_another_type, "{:#c}", {unsigned_integer}},
        {specification_of_another_type, "{:?}", {string}},
        {width_taken_from_a_value, "{:{}}", {string, signed_integer}},
        {width_taken_from_a_value, "{:.{}}", {string, signed_integer}},
        {number_over_999, "{:1000}", {string}},
        {number_over_999, "{:.1000}", {string}},
        {number_over_999, "{99999999999}", {string}},
    };
    for (const auto& [problem, text, kinds] : cases) {
        const FormatProblem found = check(text, kinds);
        EXPECT_EQ(found, problem) << text << ": " << text_of(found);
    }
}

std::string format(const std::string& text, std::initializer_list<ArgumentKind> kinds) {
    fmt::dynamic_format_arg_store<fmt::format_context> store;
    for (const ArgumentKind kind : kinds) {
        switch (kind) {
            case unsigned_integer:
                store.push_back(~std::uint64_t{0});
                break;
            case signed_integer:
                store.push_back(std::int64_t{-1});
                break;
            case boolean:
                store.push_back(true);
                break;
            case address:
                store.push_back(static_cast<const void*>(nullptr));
                break;
            case string:
                store.push_back("text");
                break;
        }
    }
    return fmt::vformat(text, store);
}

TEST(FormatString, ZerosInFrontMakeANumberLong) {
    EXPECT_EQ(check("{:00000000007}", {unsigned_integer}), none);
    EXPECT_EQ(check("{:000000000007}", {unsigned_integer}), number_over_999);
    EXPECT_EQ(check("{:.0000000007}", {string}), none);
    EXPECT_EQ(check("{:.00000000007}", {string}), number_over_999);
}

TEST(FormatString, AZeroByteIsNoType) {
    EXPECT_EQ(check(std::string_view("{:\0}", 4), {signed_integer}), unknown_specification);
    EXPECT_EQ(check(std::string_view("{:5\0}", 5), {string}), unknown_specification);
}

TEST(FormatString, WhatItTakesFmtFormats) {
    constexpr std::string_view alphabet = "{}{}{}{}:::0129.<>^#+- xXdbBocpsLa!?*";
    constexpr ArgumentKind kinds[] = {unsigned_integer, signed_integer, boolean, address, string};
    std::mt19937_64 random(7);
    std::size_t taken = 0;
    for (int round = 0; round < 100'000; ++round) {
        const std::initializer_list<ArgumentKind> values = {kinds[random() % std::size(kinds)]};
        // Half of them are a field around something, which may well be good.
        std::string text = random() % 2 == 0 ? "" : "{:";
        for (std::uint64_t n = random() % 6; n > 0; --n) {
            text += alphabet[random() % alphabet.size()];
        }
        text += text.starts_with("{:") ? "}" : "";
        if (check(text, values) == none) {
            ++taken;
            EXPECT_NO_THROW(static_cast<void>(format(text, values))) << text;
        }
    }
    EXPECT_GT(taken, 5'000U);
}

}  // namespace
}  // namespace nestbed::channel
