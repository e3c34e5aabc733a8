#include "vmm/study/shootdown_runs.hpp"

#include <gmock/gmock.h>

#include <chrono>

namespace nestbed::vmm {
namespace {

using shootdown::FlushPrimitive;
using shootdown::InitiatorSpaces;
using shootdown::ProtocolId;
using shootdown::Routing;
using shootdown::TargetState;
using testing::ElementsAre;
using testing::SizeIs;
using namespace std::chrono_literals;
using Parameters = std::vector<std::pair<std::string, std::uint64_t>>;

std::vector<std::string> texts(const ShootdownAxes& axes) {
    std::vector<std::string> result;
    for (const ShootdownCombination& combination : combinations_of(axes)) {
        result.push_back(combination.text());
    }
    return result;
}

TEST(Combinations, AreAllOfAllAxes) {
    ShootdownAxes axes;
    axes.protocols = {ProtocolId::global, ProtocolId::nmi};
    axes.cpus = {2, 64};
    axes.pages = {1};
    axes.targets = {TargetState::user};
    EXPECT_THAT(
        texts(axes),
        ElementsAre("global, 2 vCPUs, 1 page, target user", "global, 64 vCPUs, 1 page, target user",
                    "nmi, 2 vCPUs, 1 page, target user", "nmi, 64 vCPUs, 1 page, target user"));
    axes.routings = {Routing::unicast, Routing::cluster, Routing::all_but_self};
    axes.flushes = {FlushPrimitive::invlpg, FlushPrimitive::cr3};
    axes.pages = {1, 2};
    EXPECT_THAT(texts(axes), SizeIs(2 * 2 * 2 * 3 * 2));
}

TEST(Combinations, OneInitiatorHasOneSpace) {
    ShootdownAxes axes;
    axes.pages = {1};
    axes.targets = {TargetState::user};
    axes.initiators = {1, 2};
    const std::string common = "global, 2 vCPUs, 1 page, target user";
    axes.spaces = {InitiatorSpaces::disjoint, InitiatorSpaces::same};
    EXPECT_THAT(texts(axes), ElementsAre(common, common + ", initiators 2, spaces disjoint",
                                         common + ", initiators 2"));
    axes.spaces = {InitiatorSpaces::disjoint};
    EXPECT_THAT(texts(axes), ElementsAre(common, common + ", initiators 2, spaces disjoint"));
}

TEST(LatencySettings, AreWhatTheGuestReads) {
    const ShootdownCombination combination{.protocol = ProtocolId::polled,
                                           .cpus = 8,
                                           .pages = 64,
                                           .target = TargetState::lazy,
                                           .routing = Routing::all_but_self,
                                           .flush = FlushPrimitive::pge,
                                           .initiators = 3,
                                           .spaces = InitiatorSpaces::disjoint};
    const TestSettings settings =
        latency_settings(combination, {.samples = 5, .threshold = 9, .phases = true});
    EXPECT_EQ(settings.cpus, 8U);
    EXPECT_EQ(settings.timeout, 60s);
    EXPECT_TRUE(settings.statistics);
    EXPECT_EQ(settings.parameters, (Parameters{{"protocol", 7},
                                               {"pages", 64},
                                               {"target", 4},
                                               {"samples", 5},
                                               {"routing", 2},
                                               {"flush", 2},
                                               {"threshold", 9},
                                               {"initiators", 3},
                                               {"spaces", 1},
                                               {"phases", 1}}));
}

TEST(ShootdownSettings, AllHaveTheBackingAskedFor) {
    const ShootdownSampling sampling{.backing = {Backing::memfd, true}};
    for (const TestSettings& settings :
         {latency_settings({}, sampling), soak_settings({}, sampling, 1s, 1),
          crossover_settings(FlushPrimitive::cr3, sampling)}) {
        EXPECT_EQ(settings.backing.kind, Backing::memfd);
        EXPECT_TRUE(settings.backing.prefault);
    }
}

TEST(LatencySettings, DescheduledTargetsShareAHostCpu) {
    for (const Placement asked : {Placement::spread, Placement::free}) {
        const ShootdownSampling sampling{.placement = asked};
        EXPECT_EQ(latency_settings({.target = TargetState::user}, sampling).placement, asked);
        EXPECT_EQ(latency_settings({.target = TargetState::descheduled}, sampling).placement,
                  Placement::one_cpu);
    }
}

TEST(SoakSettings, LeaveTimeForTheEnd) {
    const TestSettings settings =
        soak_settings({.protocol = ProtocolId::mailbox, .cpus = 4}, {.timeout = 20s}, 100s, 42);
    EXPECT_EQ(settings.cpus, 4U);
    EXPECT_EQ(settings.timeout, 120s);
    EXPECT_EQ(settings.parameters, (Parameters{{"protocol", 1}, {"seconds", 100}, {"seed", 42}}));
}

}  // namespace
}  // namespace nestbed::vmm
