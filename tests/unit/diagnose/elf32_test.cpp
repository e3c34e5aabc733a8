// Files of 32 bits, whatever the code in them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/diagnose/elf32_file.hpp"
#include "vmm/diagnose/symbols.hpp"

namespace nestbed::vmm {
namespace {

using testing::MatchesRegex;

class Elf32 : public testing::TestWithParam<const char*> {
  protected:
    Elf32() : file_(test::read_elf32(GetParam())), symbols_(std::as_bytes(std::span(file_))) {}

    static constexpr std::uint64_t text = test::text_of_elf32;

    std::string file_;
    Symbols symbols_;
};

TEST_P(Elf32, HasFunctions) {
    ASSERT_EQ(file_[4], 1) << "ELFCLASS32";
    const auto inner = symbols_.function_at(text);
    ASSERT_TRUE(inner);
    EXPECT_EQ(inner->name, "inner_function");
    EXPECT_EQ(inner->start, text);
    EXPECT_EQ(symbols_.name_of(inner->end - 1).substr(0, 16), "inner_function+0");
    EXPECT_FALSE(symbols_.function_at(text - 1));
}

TEST_P(Elf32, HasLines) {
    EXPECT_THAT(
        symbols_.describe(text),
        MatchesRegex("inner_function \\(.*tests/unit/diagnose/elf32/two_functions.cpp:6\\)"));
}

INSTANTIATE_TEST_SUITE_P(OfBothKinds, Elf32, testing::Values("code32.elf", "code64.elf"),
                         [](const auto& file) { return std::string(file.param, 6); });

}  // namespace
}  // namespace nestbed::vmm
