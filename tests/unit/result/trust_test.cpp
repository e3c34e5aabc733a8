#include "vmm/result/trust.hpp"

#include <gmock/gmock.h>

namespace nestbed::vmm {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

/// A host with nothing to complain of.
HostDescription bare_metal() {
    HostDescription host;
    host.paging = "ept";
    host.cores = 16;
    host.tsc = {.constant = true, .nonstop = true, .known_frequency = true, .clocksource = "tsc"};
    return host;
}

Calibration quiet() {
    Calibration calibration;
    calibration.tsc_khz = 2'000'000;
    calibration.kernel_cycles_per_instruction = 0.5;
    calibration.user_cycles_per_instruction = 0.5;
    calibration.exit_round_trip = Distribution{.count = 100, .min = 2000, .p50 = 2100, .p99 = 3000};
    calibration.tsc_offset = {10, 100};
    return calibration;
}

TEST(Trust, BareMetalIsGood) {
    const Trust trust = judge_timings(bare_metal(), quiet());
    EXPECT_EQ(trust.level, TrustLevel::good);
    EXPECT_THAT(trust.remarks, ElementsAre(HasSubstr("the hardware's")));
}

TEST(Trust, AnInterpretedKernelModeIsRough) {
    Calibration calibration = quiet();
    calibration.kernel_cycles_per_instruction = 2400;
    const Trust trust = judge_timings(bare_metal(), calibration);
    EXPECT_EQ(trust.level, TrustLevel::rough);
    EXPECT_THAT(trust.remarks,
                ElementsAre(HasSubstr("interpreted here, at about 2400 cycles (1.20 µs)")));
}

TEST(Trust, ShadowPagingAndNestingAskForCare) {
    HostDescription host = bare_metal();
    host.paging = "shadow";
    host.nested = true;
    host.hypervisor = "KVMKVMKVM";
    const Trust trust = judge_timings(host, quiet());
    EXPECT_EQ(trust.level, TrustLevel::with_care);
    EXPECT_THAT(trust.remarks, ElementsAre(HasSubstr("shadowed"), HasSubstr("(KVMKVMKVM)")));
}

TEST(Trust, AnUnsteadyClockIsRough) {
    HostDescription host = bare_metal();
    host.tsc.constant = false;
    host.tsc.clocksource = "hpet";
    const Trust trust = judge_timings(host, quiet());
    EXPECT_EQ(trust.level, TrustLevel::rough);
    EXPECT_THAT(trust.remarks, Contains(HasSubstr("hpet")));
}

TEST(Trust, WhatIsNotKnownAsksForCareAndIsNotClaimed) {
    HostDescription host = bare_metal();
    host.tsc = {};
    Trust trust = judge_timings(host, quiet());
    EXPECT_EQ(trust.level, TrustLevel::with_care);
    EXPECT_THAT(trust.remarks, ElementsAre(HasSubstr("not known here whether the TSC is of const"),
                                           HasSubstr("not known here what the host's kernel")));
    host = bare_metal();
    host.paging.reset();
    host.cores.reset();
    trust = judge_timings(host, quiet());
    EXPECT_EQ(trust.level, TrustLevel::with_care);
    EXPECT_THAT(trust.remarks, ElementsAre(HasSubstr("not known here what translates guests'"),
                                           HasSubstr("not known how many cores")));
}

TEST(Trust, OneBadThingThatIsKnownOfTheClockIsEnough) {
    HostDescription host = bare_metal();
    host.tsc.constant.reset();
    host.tsc.nonstop = false;
    const Trust trust = judge_timings(host, quiet());
    EXPECT_EQ(trust.level, TrustLevel::rough);
    EXPECT_THAT(trust.remarks, ElementsAre(HasSubstr("is not running on while a core sleeps")));
}

TEST(Trust, AnOffsetBeyondItsBoundIsNamed) {
    Calibration calibration = quiet();
    calibration.tsc_offset = {-5000, 100};
    EXPECT_THAT(judge_timings(bare_metal(), calibration).remarks,
                ElementsAre(HasSubstr("differ by -5000 ± 100 cycles")));
}

TEST(Trust, ABusyMachineIsNamed) {
    Calibration calibration = quiet();
    calibration.exit_round_trip->p99 = 1'000'000;
    EXPECT_THAT(judge_timings(bare_metal(), calibration).remarks, ElementsAre(HasSubstr("busy")));
    calibration = quiet();
    calibration.tsc_offset = {15'000'000, 10'000'000};
    EXPECT_THAT(judge_timings(bare_metal(), calibration).remarks,
                ElementsAre(HasSubstr("did not run side by side")));
}

TEST(Trust, WithoutACalibrationOnlyTheHostIsJudged) {
    EXPECT_EQ(judge_timings(bare_metal(), std::nullopt).level, TrustLevel::good);
}

}  // namespace
}  // namespace nestbed::vmm
