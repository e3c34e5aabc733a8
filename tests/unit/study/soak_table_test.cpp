#include "vmm/study/soak_table.hpp"

#include <gmock/gmock.h>

#include "tests/unit/result/samples.hpp"

namespace nestbed::vmm {
namespace {

using testing::HasSubstr;

ShootdownResult soaked(std::uint64_t stale, std::uint64_t violations) {
    TestResult result = violations == 0 ? test::passed("measure_shootdown", "soak")
                                        : test::failed("measure_shootdown", "soak");
    result.seconds = 5.06;
    result.measurements = {{"shootdown",
                            "cycles",
                            {{"maps", std::uint64_t{11}},
                             {"remaps", std::uint64_t{22}},
                             {"protects", std::uint64_t{33}},
                             {"unmaps", std::uint64_t{44}},
                             {"accesses", std::uint64_t{5000}},
                             {"faults", std::uint64_t{66}},
                             {"stale_reads", stale},
                             {"violations", violations}},
                            test::histogram_of({2000})}};
    return {{.cpus = 4}, result};
}

TEST(SoakTable, ViolationsAndLegalStaleReadsStandApart) {
    EXPECT_EQ(soak_table({soaked(7, 0)}),
              "                          --------- operations ---------  "
              "---------- seen by the readers -----------\n"
              "protocol  vCPUs  seconds  maps  remaps  protects  unmaps  "
              "accesses  faults  stale, legal  violations\n"
              "global        4      5.1    11      22        33      44   "
              "   5000      66             7           0\n");
}

TEST(SoakTable, ViolationsAreARowAndALine) {
    const std::string text = soak_table({soaked(7, 2)});
    EXPECT_THAT(text, HasSubstr("  5000      66             7           2\n"));
    EXPECT_THAT(text, HasSubstr("failed: global, 4 vCPUs"));
}

TEST(SoakTable, WhatSentNothingIsALineOnly) {
    EXPECT_EQ(soak_table({{{.cpus = 4}, test::skipped("measure_shootdown", "soak", "too few")}}),
              "skipped: global, 4 vCPUs, 1 page, target user: too few\n");
    EXPECT_THAT(soak_table({{{}, test::passed("measure_shootdown", "soak")}}),
                HasSubstr("the guest sent no measurement"));
}

}  // namespace
}  // namespace nestbed::vmm
