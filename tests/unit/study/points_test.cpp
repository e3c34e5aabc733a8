// From options to points and settings: the cross product, what is refused, what a guest is told.

#include <gmock/gmock.h>

#include "runs.hpp"
#include "shared/study/shootdown_axes.hpp"

namespace nestbed::vmm {
namespace {

using test::OptionTexts;
using test::point_at;
using test::refusal_of;
using test::study_with;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Not;
using testing::Pair;
using testing::SizeIs;
using namespace std::chrono_literals;

std::vector<std::string> texts(const char* name, const OptionTexts& options) {
    std::vector<std::string> result;
    for (const Point& point : points_of(study_with(name, options), options)) {
        result.push_back(point.text());
    }
    return result;
}

std::string refusal(const char* name, const OptionTexts& options) {
    return refusal_of([&] { points_of(study_chosen(name, options), options); });
}

TestSettings settings_at(const char* name, const OptionTexts& options) {
    return study_with(name, options).settings_at(point_at(name, options));
}

TEST(Points, AreAllCombinationsTheFirstAxisSlowest) {
    EXPECT_THAT(
        texts("shootdown", {{"--protocol", "global,nmi"},
                            {"--cpus", "2,64"},
                            {"--pages", "1"},
                            {"--target", "user"}}),
        ElementsAre("global, 2 vCPUs, 1 page, target user", "global, 64 vCPUs, 1 page, target user",
                    "nmi, 2 vCPUs, 1 page, target user", "nmi, 64 vCPUs, 1 page, target user"));
    EXPECT_THAT(texts("shootdown", {{"--routing", "unicast,cluster,all-but-self"},
                                    {"--flush", "invlpg,cr3"},
                                    {"--pages", "1,2"},
                                    {"--target", "user"}}),
                SizeIs(3 * 2 * 2));
}

TEST(Points, OneInitiatorHasOneSpace) {
    const std::string common = "global, 2 vCPUs, 1 page, target user";
    EXPECT_THAT(
        texts(
            "shootdown",
            {{"--pages", "1"}, {"--target", "user"}, {"--initiators", "1,2"}, {"--spaces", "all"}}),
        ElementsAre(common, common + ", 2 initiators", common + ", 2 initiators, spaces disjoint"));
}

TEST(Points, EveryStudyHasThem) {
    for (const Study& study : studies()) {
        OptionTexts options;
        if (!study.selector.empty()) {
            options.emplace_back("--" + study.selector, "1");
        }
        EXPECT_THAT(points_of(study, options), Not(SizeIs(0))) << study.name << study.selector;
    }
}

TEST(Points, WhatAModeDoesNotUseIsRefused) {
    EXPECT_EQ(refusal("shootdown", {{"--soak", "1"}, {"--flush", "cr3"}}),
              "--flush: not with --soak");
    EXPECT_EQ(refusal("shootdown", {{"--crossover", "1"}, {"--cpus", "2"}}),
              "--cpus: not with --crossover");
    EXPECT_EQ(refusal("shootdown", {{"--seed", "3"}}), "--seed: only with --soak");
    EXPECT_EQ(refusal("shootdown", {{"--soak", "1"}, {"--crossover", "1"}}),
              "--soak and --crossover: one of them at a time");
    EXPECT_EQ(refusal("shootdown", {{"--pin", "1"}, {"--pin", "0"}}),
              "--pin is given twice, or with --no-pin");
    EXPECT_EQ(refusal("shootdown", {{"--samples", "1"}, {"--samples", "2"}}),
              "--samples is given twice");
}

TEST(Points, WhatGoesWithNothingElseIsRefused) {
    EXPECT_EQ(refusal("shootdown", {{"--spaces", "disjoint"}}),
              "--spaces disjoint: it goes with none of the other values");
    EXPECT_EQ(refusal("shootdown", {{"--phases", "1"}, {"--initiators", "1,2"}}),
              "--phases: only with one initiator");
    EXPECT_EQ(refusal("shootdown", {{"--pin", "1"}, {"--target", "descheduled"}}),
              "--pin, --no-pin: vCPUs that are to be descheduled share one host core");
    EXPECT_EQ(refusal("shootdown", {{"--pin", "1"}, {"--target", "user,descheduled"}}),
              "--pin, --no-pin: vCPUs that are to be descheduled share one host core");
    EXPECT_EQ(refusal("shootdown", {{"--threshold", "3"}, {"--flush", "cr3,pge"}}),
              "--threshold: only with a --flush that goes page by page");
    EXPECT_EQ(refusal("shootdown", {{"--threshold", "3"}, {"--flush", "cr3,invlpg"}}), "");
    EXPECT_EQ(refusal("shootdown", {{"--pages", "1"}, {"--spaces", "disjoint"}}),
              "--pages 1: the values that are asked for do not go together");
    EXPECT_EQ(refusal("dirty-log", {{"--initially-set", "1"}, {"--log", "ring"}}),
              "--initially-set: rings begin empty; it is for --log bitmap");
    EXPECT_EQ(refusal("dirty-log", {{"--ring-entries", "64"}, {"--log", "bitmap"}}),
              "--ring-entries: a bitmap has none; it is for --log ring");
    EXPECT_EQ(refusal("shootdown", {{"--crossover", "1"}, {"--flush", "invlpg"}}),
              "--flush invlpg: there are cr3, pge, invpcid-context, invpcid-all, "
              "invpcid-non-global, all");
}

TEST(Settings, AreWhatTheGuestReads) {
    const TestSettings settings = settings_at("shootdown", {{"--protocol", "polled"},
                                                            {"--cpus", "8"},
                                                            {"--pages", "64"},
                                                            {"--target", "lazy"},
                                                            {"--routing", "all-but-self"},
                                                            {"--flush", "invpcid-address"},
                                                            {"--initiators", "3"},
                                                            {"--spaces", "disjoint"},
                                                            {"--samples", "5"},
                                                            {"--threshold", "9"}});
    EXPECT_EQ(settings.cpus, 8U);
    EXPECT_EQ(settings.timeout, 60s);
    EXPECT_TRUE(settings.statistics);
    EXPECT_EQ(settings.expected, "shootdown");
    EXPECT_THAT(
        settings.parameters,
        ElementsAre(Pair("protocol", 7), Pair("pages", 64), Pair("target", 4), Pair("routing", 2),
                    Pair("flush", 3), Pair("initiators", 3), Pair("spaces", 1), Pair("samples", 5),
                    Pair("threshold", 9), Pair("phases", 0)));
}

TEST(Settings, OfVmsAreTheSameInEveryStudy) {
    for (const char* name : {"shootdown", "hypercall", "dirty-log"}) {
        OptionTexts options{
            {"--backing", "memfd"}, {"--prefault", "1"}, {"--pin", "0"}, {"--timeout", "2.5"}};
        const Study& study = study_with(name, options);
        const TestSettings settings = study.settings_at(points_of(study, options).front());
        EXPECT_EQ(settings.backing.kind, Backing::memfd) << name;
        EXPECT_TRUE(settings.backing.prefault) << name;
        EXPECT_EQ(settings.placement, Placement::free) << name;
        EXPECT_EQ(settings.timeout, 2500ms) << name;
    }
}

TEST(Settings, DescheduledTargetsShareAHostCpu) {
    EXPECT_EQ(settings_at("shootdown", {{"--target", "descheduled"}, {"--pages", "1"}}).placement,
              Placement::one_cpu);
    EXPECT_EQ(settings_at("shootdown", {{"--target", "user"}, {"--pages", "1"}}).placement,
              Placement::spread);
}

TEST(Settings, OfASoakLeaveTimeForTheEnd) {
    const TestSettings settings = settings_at("shootdown", {{"--protocol", "mailbox"},
                                                            {"--cpus", "4"},
                                                            {"--soak", "100"},
                                                            {"--seed", "42"},
                                                            {"--timeout", "20"}});
    EXPECT_EQ(settings.cpus, 4U);
    EXPECT_EQ(settings.timeout, 120s);
    EXPECT_THAT(settings.parameters,
                ElementsAre(Pair("protocol", 1), Pair("seed", 42), Pair("seconds", 100)));
}

TEST(Settings, OfAMovingMemslotHaveOneVcpuMoreThatReads) {
    const TestSettings moved = settings_at("fault", {{"--rung", "moved"}, {"--cpus", "2"}});
    EXPECT_EQ(moved.cpus, 3U);
    EXPECT_THAT(moved.parameters, AllOf(Contains(Pair("cpus", 2)), Contains(Pair("rung", 10)),
                                        Contains(Pair("block_pages", 8))));
    EXPECT_EQ(settings_at("fault", {{"--rung", "hit"}, {"--cpus", "2"}}).cpus, 2U);
}

TEST(Studies, FitIntoABootInfo) {
    for (const Study& study : studies()) {
        OptionTexts options;
        if (!study.selector.empty()) {
            options.emplace_back("--" + study.selector, "1");
        }
        for (const auto& [name, value] :
             study.settings_at(points_of(study, options).front()).parameters) {
            EXPECT_LT(name.size(), 24U) << study.name << " " << name;
        }
    }
}

}  // namespace
}  // namespace nestbed::vmm
