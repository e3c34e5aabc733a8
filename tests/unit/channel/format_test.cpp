// Deferred formatting: what honest guests write looks right, and no format string does harm.

#include "vmm/channel/format.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/channel/fake_guest.hpp"

namespace nestbed::vmm {
namespace {

using channel::ArgumentKind;
using test::FakeGuest;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

struct Value {
    ArgumentKind kind;
    std::uint64_t bits;
};

constexpr Value number(std::uint64_t value) { return {ArgumentKind::unsigned_integer, value}; }
constexpr Value negative(std::int64_t value) {
    return {ArgumentKind::signed_integer, static_cast<std::uint64_t>(value)};
}

class Format : public testing::Test {
  protected:
    channel::Record record_of(std::initializer_list<Value> values) const {
        channel::Record record{};
        for (const Value& value : values) {
            record.arguments[record.argument_count] = value.bits;
            record.kinds |= static_cast<std::uint16_t>(
                static_cast<unsigned>(value.kind) << (channel::kind_bits * record.argument_count));
            ++record.argument_count;
        }
        return record;
    }

    std::string format(const std::string& text, std::initializer_list<Value> values = {}) {
        return vmm::format(text, arguments_of(record_of(values), guest_.virtual_memory()));
    }

    std::string show(Value value) {
        return vmm::show(arguments_of(record_of({value}), guest_.virtual_memory()).at(0));
    }

    Value string(std::string_view characters) {
        return {ArgumentKind::string, guest_.text(characters)};
    }

    FakeGuest guest_;
};

TEST_F(Format, EveryKindOfArgument) {
    EXPECT_EQ(format("no argument"), "no argument");
    EXPECT_EQ(format("{}", {number(~std::uint64_t{0})}), "18446744073709551615");
    EXPECT_EQ(format("{}", {negative(-1)}), "-1");
    EXPECT_EQ(format("{}", {negative(std::numeric_limits<std::int64_t>::min())}),
              "-9223372036854775808");
    EXPECT_EQ(format("{} {}", {{ArgumentKind::boolean, 1}, {ArgumentKind::boolean, 0}}),
              "true false");
    EXPECT_EQ(format("{}", {{ArgumentKind::address, 0xFFFF'8880'0000'0000}}), "0xffff888000000000");
    EXPECT_EQ(format("{}", {string("text")}), "text");
    EXPECT_EQ(format("{} {} {} {}", {number(1), number(2), number(3), number(4)}), "1 2 3 4");
}

TEST_F(Format, SpecificationsAreThoseOfFmt) {
    EXPECT_EQ(format("{:#x} {:>6} {:03}", {number(255), string("text"), number(7)}),
              "0xff   text 007");
    EXPECT_EQ(format("{1} {0}", {number(1), number(2)}), "2 1");
    EXPECT_EQ(format("{:*^9}", {string("mid")}), "***mid***");
    EXPECT_EQ(format("{:.2}", {string("text")}), "te");
    EXPECT_EQ(format("{:>999}", {number(1)}).size(), 999U);
}

TEST_F(Format, EscapedBraces) {
    EXPECT_EQ(format("{{}}"), "{}");
    EXPECT_EQ(format("{{{}}}", {number(7)}), "{7}");
    EXPECT_EQ(format("set {{1, {}}}", {number(2)}), "set {1, 2}");
    EXPECT_EQ(format("{{12345}}"), "{12345}");
    EXPECT_EQ(format("{} 123456", {number(1)}), "1 123456");
}

TEST_F(Format, NaturalForms) {
    EXPECT_EQ(show(number(7)), "7");
    EXPECT_EQ(show(number(0xFFFF'0000)), "4294901760 (0xffff0000)");
    EXPECT_EQ(show(negative(-7)), "-7");
    EXPECT_EQ(show({ArgumentKind::boolean, 1}), "true");
    EXPECT_EQ(show({ArgumentKind::address, 0x1000}), "0x1000");
    EXPECT_EQ(show(string("text")), "\"text\"");
    EXPECT_EQ(show({static_cast<ArgumentKind>(200), 5}), "5");
}

TEST_F(Format, ABooleanIsTrueWhateverItsBits) {
    EXPECT_EQ(format("{}", {{ArgumentKind::boolean, 0xFF00}}), "true");
}

TEST_F(Format, WhatDoesNotFitComesBackWithItsArguments) {
    EXPECT_EQ(format("{} {}", {number(1)}), "{} {} 1 [not formatted: a field without a value]");
    EXPECT_EQ(format("{}", {number(1), number(2)}),
              "{} 1 2 [not formatted: a value without a field]");
    EXPECT_THAT(format("{4}", {number(1)}), HasSubstr("[not formatted: "));
    EXPECT_THAT(format("{name}", {number(1)}), HasSubstr("[not formatted: "));
    EXPECT_THAT(format("{:d}", {string("text")}), StartsWith("{:d} \"text\" [not formatted: "));
    EXPECT_THAT(format("{:s}", {number(1)}), HasSubstr("[not formatted: "));
    EXPECT_THAT(format("{:.3f}", {number(1)}), HasSubstr("[not formatted: "));
    EXPECT_THAT(format("{", {number(1)}), HasSubstr("[not formatted: "));
    EXPECT_THAT(format("}", {number(1)}), HasSubstr("[not formatted: "));
    EXPECT_THAT(format("{:"), HasSubstr("[not formatted: "));
    EXPECT_THAT(format("{!}", {number(1)}), HasSubstr("[not formatted: "));
}

TEST_F(Format, HugeWidthsAreRefused) {
    for (const char* text :
         {"{:1000}", "{:2147483647}", "{:99999999999999999999}", "{:.1000}", "{:010000}",
          "{0:>1000}", "{99999999999}", "{:{}}", "{:.{}}", "{:{:{}}}", "{:{0}}"}) {
        const std::string result = format(text, {number(2'000'000'000), number(2'000'000'000)});
        EXPECT_THAT(result, StartsWith(text));
        EXPECT_THAT(result, EndsWith("]"));
        EXPECT_LT(result.size(), 200U);
    }
}

TEST_F(Format, StringsThatAreNotThere) {
    EXPECT_EQ(format("{}", {{ArgumentKind::string, 0}}), "<no string at 0x0>");
    EXPECT_EQ(format("{}", {{ArgumentKind::string, 0xDEAD'0000'0000}}),
              "<no string at 0xdead00000000>");
    EXPECT_EQ(format("{}", {{ArgumentKind::string, ~std::uint64_t{0}}}),
              "<no string at 0xffffffffffffffff>");
    EXPECT_EQ(show({ArgumentKind::string, 1}), "\"<no string at 0x1>\"");
    // Mapped, but without an end within the limit.
    const std::uint64_t endless = guest_.place(std::array<char, 8192>{});
    std::memset(guest_.memory().at(endless - channel::layout::direct_map, 8192), 'x', 8192);
    EXPECT_THAT(format("{}", {{ArgumentKind::string, endless}}), StartsWith("<no string at"));
    EXPECT_EQ(format("{:.1}", {{ArgumentKind::string, endless + 8190}}).size(), 1U);
}

TEST_F(Format, MoreArgumentsThanARecordHolds) {
    channel::Record record{};
    record.argument_count = 255;
    const auto arguments = arguments_of(record, guest_.virtual_memory());
    EXPECT_EQ(arguments.size(), channel::max_arguments);
    EXPECT_EQ(vmm::format("{} {} {} {}", arguments), "0 0 0 0");
}

TEST_F(Format, BytesThatAreNoText) {
    const Value broken = string("\xFF\xC3\xF0\x9F");
    static_cast<void>(format("{:>10}", {broken}));
    static_cast<void>(format("{:.2}", {broken}));
    static_cast<void>(format("{:?}", {broken}));
    static_cast<void>(format("{:\xF0<5}", {broken}));
    static_cast<void>(format("{:\xF0", {broken}));
    static_cast<void>(format("{:c}", {number(~std::uint64_t{0})}));
}

TEST_F(Format, RandomFormats) {
    constexpr std::string_view alphabet = "{}{}{}:::0129.<>^#+- xXdbcspLa!%*\xF0\xFF\n";
    std::mt19937_64 random(4);
    const Value text = string("some text");
    for (int round = 0; round < 50'000; ++round) {
        std::string candidate;
        for (std::uint64_t n = random() % 16; n > 0; --n) {
            candidate += alphabet[random() % alphabet.size()];
        }
        const std::string result =
            format(candidate, {number(random()),
                               text,
                               negative(static_cast<std::int64_t>(random())),
                               {static_cast<ArgumentKind>(random() % 8), random()}});
        EXPECT_LT(result.size(), 20'000U) << candidate;
    }
}

}  // namespace
}  // namespace nestbed::vmm
