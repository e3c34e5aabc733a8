#include "vmm/report/shootdown_table.hpp"

#include <gmock/gmock.h>

#include "samples.hpp"

namespace nestbed::vmm {
namespace {

using shootdown::ProtocolId;
using shootdown::TargetState;
using testing::HasSubstr;

ShootdownResult measured(std::uint64_t pages, std::initializer_list<std::uint64_t> cycles) {
    TestResult result = test::passed("measure_shootdown", "latency");
    result.measurements = {{"shootdown", "cycles", {}, test::histogram_of(cycles)}};
    return {{ProtocolId::global, 2, pages, TargetState::user}, result};
}

TEST(ShootdownTable, HasARowForEachCombination) {
    EXPECT_EQ(
        shootdown_table({measured(1, {2000}), measured(16, {20000, 20000})}),
        "                                         ------------ cycles -------------  "
        "-------------- µs ---------------\n"
        "protocol  vCPUs  pages  target  samples    min    p50    p90    p99    max    min    p50"
        "    p90    p99    max\n"
        "global        2      1  user          1   2000   2000   2000   2000   2000   1.00   1.00"
        "   1.00   1.00   1.00\n"
        "global        2     16  user          2  20000  20000  20000  20000  20000  10.00  10.00"
        "  10.00  10.00  10.00\n");
}

TEST(ShootdownTable, AFailedProofIsALineAndNoRow) {
    ShootdownResult wrong = measured(1, {1000});
    wrong.test = test::failed("measure_shootdown", "latency");
    wrong.test.measurements = measured(1, {1000}).test.measurements;
    const std::string text = shootdown_table({wrong, measured(16, {2000})});
    EXPECT_THAT(text,
                HasSubstr("failed: global, 2 vCPUs, 1 page, target user: an expectation failed\n"));
    EXPECT_THAT(text, HasSubstr("expected a == b"));
    EXPECT_EQ(text.find("global        2      1 "), std::string::npos) << text;
}

TEST(ShootdownTable, ASkippedCombinationHasItsReason) {
    const ShootdownResult result{{ProtocolId::early_ack, 8, 2, TargetState::hlt},
                                 test::skipped("measure_shootdown", "latency", "too small")};
    EXPECT_EQ(shootdown_table({result}),
              "skipped: early-ack, 8 vCPUs, 2 pages, target hlt: too small\n");
}

TEST(ShootdownTable, AGuestThatSendsNothingHasFailed) {
    const ShootdownResult result{{ProtocolId::global, 2, 1, TargetState::hlt},
                                 test::passed("measure_shootdown", "latency")};
    EXPECT_THAT(shootdown_table({result}), HasSubstr("the guest sent no measurement"));
}

}  // namespace
}  // namespace nestbed::vmm
