#include "vmm/base/values.hpp"

#include <gmock/gmock.h>

#include "vmm/base/error.hpp"

namespace nestbed::vmm {
namespace {

using testing::ElementsAre;
using namespace std::chrono_literals;

constexpr std::uint64_t any = ~std::uint64_t{0};

/// The message of the Error that `parse` throws.
template <typename Parse>
std::string message_of(const Parse& parse) {
    try {
        parse();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::usage);
        return error.what();
    }
    return "no error";
}

TEST(ParseNumber, KnowsTwoBases) {
    EXPECT_EQ(parse_number("--n", "42", 0, any), 42U);
    EXPECT_EQ(parse_number("--n", "0x2A", 0, any), 42U);
    EXPECT_EQ(parse_number("--n", "18446744073709551615", 0, any), any);
}

TEST(ParseNumber, RefusesEverythingElse) {
    for (const char* text :
         {"", "-1", "+1", " 1", "1 ", "1.5", "1e3", "0x", "x", "18446744073709551616"}) {
        EXPECT_THROW(parse_number("--n", text, 0, any), Error) << text;
    }
}

TEST(ParseNumber, TheErrorNamesTheRange) {
    EXPECT_EQ(message_of([] { parse_number("--cpus", "65", 1, 64); }),
              "--cpus 65: not a number from 1 to 64");
    EXPECT_EQ(message_of([] { parse_number("--cpus", "0", 1, 64); }),
              "--cpus 0: not a number from 1 to 64");
    EXPECT_EQ(message_of([] { parse_number("--shuffle", "x", 0, any); }),
              "--shuffle x: not a number of at least 0");
}

TEST(ParseRange, IsANumberOrAllFromOneToAnother) {
    EXPECT_THAT(parse_range("--n", "7", 0, any, true), ElementsAre(7));
    EXPECT_THAT(parse_range("--n", "2-4", 0, any, true), ElementsAre(2, 3, 4));
    EXPECT_EQ(message_of([] { parse_range("--n", "2-4", 0, any, false); }),
              "--n 2-4: not a number of at least 0");
    EXPECT_EQ(message_of([] { parse_range("--n", "2-", 0, any, true); }),
              "--n 2-: not a number, or a range as in 2-4");
    EXPECT_EQ(message_of([] { parse_range("--n", "4-2", 0, any, true); }),
              "--n 4-2: not a range of up to 4096 numbers, the smaller one first");
}

TEST(ParseSize, KnowsSuffixes) {
    EXPECT_EQ(parse_size("--memory", "4096"), 4096U);
    EXPECT_EQ(parse_size("--memory", "64k"), 64U << 10);
    EXPECT_EQ(parse_size("--memory", "64M"), 64U << 20);
    EXPECT_EQ(parse_size("--memory", "64MiB"), 64U << 20);
    EXPECT_EQ(parse_size("--memory", "2GB"), 2ULL << 30);
}

TEST(ParseSize, RefusesEverythingElse) {
    for (const char* text :
         {"", "M", "-1M", "1.5G", "64 M", "64X", "64Mi", "0x40M", "99999999999G"}) {
        EXPECT_THROW(parse_size("--memory", text), Error) << text;
    }
}

TEST(ParseMemory, HasLimits) {
    EXPECT_EQ(parse_memory("--memory", "8M", 8U << 20, 3ULL << 30), 8U << 20);
    EXPECT_EQ(message_of([] { parse_memory("--memory", "4M", 8U << 20, 3ULL << 30); }),
              "--memory 4M: a guest needs at least 8 MiB");
    EXPECT_EQ(message_of([] { parse_memory("--memory", "1000000G", 8U << 20, 3ULL << 30); }),
              "--memory 1000000G: a guest can have at most 3072 MiB");
}

TEST(ParsePercent, IsAShareWithASign) {
    EXPECT_DOUBLE_EQ(parse_percent("--threshold", "5%"), 0.05);
    EXPECT_DOUBLE_EQ(parse_percent("--threshold", "0.5%"), 0.005);
    EXPECT_DOUBLE_EQ(parse_percent("--threshold", "1000%"), 10);
    for (const char* text : {"", "%", "5", "0%", "-1%", "+5%", "5%%", "5 %", "1001%", "1e2%",
                             "1e400%", "nan%", "inf%", "abc"}) {
        EXPECT_THROW(parse_percent("--threshold", text), Error) << text;
    }
}

TEST(ParseSeconds, MayHaveFractions) {
    EXPECT_EQ(parse_seconds("--timeout", "2"), 2s);
    EXPECT_EQ(parse_seconds("--timeout", "0.25"), 250ms);
}

TEST(ParseSeconds, RefusesWhatIsNoDuration) {
    for (const char* text : {"", "0", "-1", "nan", "inf", "1e9", "1s", "86401"}) {
        EXPECT_THROW(parse_seconds("--timeout", text), Error) << text;
    }
}

TEST(ParseAssignment, IsANameAndANumber) {
    EXPECT_EQ(parse_assignment("--set", "rounds=0x10", 23),
              (std::pair<std::string, std::uint64_t>{"rounds", 16}));
    for (const char* text :
         {"", "=1", "rounds", "rounds=", "rounds=many", "a_name_of_24_characters_=1"}) {
        EXPECT_THROW(parse_assignment("--set", text, 23), Error) << text;
    }
}

}  // namespace
}  // namespace nestbed::vmm
