#include "vmm/result/sub_result.hpp"

#include <gtest/gtest.h>

namespace nestbed::vmm {
namespace {

using Kind = SubResult::Kind;

TEST(SubResult, IsALineThatBeginsWithItsWord) {
    EXPECT_EQ(sub_result_of("PASS: apic_id is 0"), (SubResult{Kind::pass, "apic_id is 0"}));
    EXPECT_EQ(sub_result_of("FAIL: a: b"), (SubResult{Kind::fail, "a: b"}));
    EXPECT_EQ(sub_result_of("SKIP: no VMX"), (SubResult{Kind::skip, "no VMX"}));
    EXPECT_EQ(sub_result_of("XFAIL: x"), (SubResult{Kind::xfail, "x"}));
    EXPECT_EQ(sub_result_of("XPASS: x"), (SubResult{Kind::xpass, "x"}));
    EXPECT_EQ(sub_result_of("KFAIL: x"), (SubResult{Kind::kfail, "x"}));
    EXPECT_EQ(sub_result_of("PASS: "), (SubResult{Kind::pass, ""}));
}

TEST(SubResult, NothingElseIsOne) {
    for (const char* line : {"", "PASS", "PASS:", "PASS:x", "PASSED: x", " PASS: x", "pass: x",
                             "PASS x: y", "[cpu 0] PASS: x", "INFO: x", "SUMMARY: 3 tests"}) {
        EXPECT_EQ(sub_result_of(line), std::nullopt) << line;
    }
}

TEST(SubResult, FailuresAreThoseThatNobodyExpected) {
    for (std::size_t kind = 0; kind < SubResult::kinds; ++kind) {
        const SubResult result{static_cast<Kind>(kind), ""};
        EXPECT_EQ(result.is_failure(), result.word() == "FAIL" || result.word() == "XPASS")
            << result.word();
        SubResultCounts counts;
        counts.add(result);
        EXPECT_EQ(counts.failures(), result.is_failure() ? 1U : 0U) << result.word();
        EXPECT_EQ(counts.total(), 1U);
        EXPECT_EQ(counts.text(), "1 " + std::string(result.word()));
    }
}

TEST(SubResult, CountsAreSaidInTheOrderOfTheWords) {
    SubResultCounts counts;
    EXPECT_EQ(counts.text(), "");
    EXPECT_EQ(counts.total(), 0U);
    counts.of = {30, 2, 1, 0, 4, 0};
    EXPECT_EQ(counts.text(), "30 PASS, 2 FAIL, 1 SKIP, 4 XPASS");
    EXPECT_EQ(counts.total(), 37U);
    EXPECT_EQ(counts.failures(), 6U);
}

}  // namespace
}  // namespace nestbed::vmm
