// Which tests a command line selects, and in which order.

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "vmm/base/error.hpp"
#include "vmm/run/plan.hpp"

namespace nestbed::vmm {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string boot_elf = NESTBED_GUESTS "/boot.elf";

std::vector<std::string> names_of(const GuestSet& set) {
    std::vector<std::string> names;
    for (const Guest& guest : set) {
        names.push_back(guest.image().name());
    }
    return names;
}

std::vector<std::string> names_of(const std::vector<PlannedTest>& plan) {
    std::vector<std::string> names;
    names.reserve(plan.size());
    for (const PlannedTest& test : plan) {
        names.push_back(test.test->full_name());
    }
    return names;
}

std::string refusal_of(const std::vector<std::string>& names, ErrorKind kind = ErrorKind::usage) {
    try {
        guests_named(names);
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), kind);
        return error.what();
    }
    return "no error";
}

TEST(GuestSet, WithoutNamesIsAllThatNeedNotBeNamed) {
    const auto names = names_of(guests_named({}));
    EXPECT_THAT(names, Contains("boot"));
    EXPECT_THAT(names, Contains("shootdown"));
    EXPECT_THAT(names, Not(Contains("crash")));
    EXPECT_THAT(names, Not(Contains("calibrate")));
    EXPECT_THAT(names, Not(Contains("measure_shootdown")));
}

TEST(GuestSet, NamedGuestsAreRead) {
    EXPECT_THAT(names_of(guests_named({"crash", "boot"})), ElementsAre("crash", "boot"));
    EXPECT_THAT(names_of(guests_named({boot_elf})), ElementsAre(boot_elf));
    EXPECT_THAT(names_of(every_builtin_guest()), Contains("crash"));
}

TEST(GuestSet, UnknownNamesAreRefused) {
    EXPECT_THAT(refusal_of({"nothing"}),
                HasSubstr("no built-in guest of that name (there are: boot"));
    EXPECT_THAT(refusal_of({"pagging"}),
                HasSubstr("no built-in guest of that name; did you mean paging? (there are: "));
    EXPECT_THAT(refusal_of({"./nothing"}, ErrorKind::input), HasSubstr("./nothing: No such file"));
    EXPECT_EQ(refusal_of({"boot.empty"}),
              "boot.empty is not a guest; for the test of that name: boot --filter boot.empty");
}

TEST(GuestSet, WhatIsThereTwiceIsRefused) {
    EXPECT_EQ(refusal_of({"boot", "boot"}), "the guest boot is named twice");
    EXPECT_THAT(refusal_of({"boot", boot_elf}),
                HasSubstr("there are two tests boot.empty, in boot and in"));
}

TEST(GuestSet, ABuiltinNameBeatsAFileHere) {
    const auto before = std::filesystem::current_path();
    const auto folder = std::filesystem::path(testing::TempDir()) / "nestbed-guest-set";
    std::filesystem::create_directories(folder);
    std::filesystem::current_path(folder);
    std::ofstream("boot") << "not an ELF";
    EXPECT_EQ(refusal_of({"boot"}), "no error");
    EXPECT_THAT(refusal_of({"./boot"}, ErrorKind::input), HasSubstr("not an ELF file"));
    std::filesystem::current_path(before);
    std::filesystem::remove_all(folder);
}

TEST(Filter, MatchesAnyOfItsPatterns) {
    const Filter filter({"boot.*:paging.map", "*.empty"});
    EXPECT_TRUE(filter.matches("boot.anything"));
    EXPECT_TRUE(filter.matches("paging.map"));
    EXPECT_TRUE(filter.matches("other.empty"));
    EXPECT_FALSE(filter.matches("paging.map_more"));
    EXPECT_THAT(filter.patterns(), ElementsAre("boot.*", "paging.map", "*.empty"));
}

TEST(Filter, WithoutPatternsLetsAllThrough) {
    EXPECT_TRUE(Filter({}).matches("boot.empty"));
    EXPECT_TRUE(Filter({""}).matches("boot.empty"));
}

TEST(Plan, HoldsWhatTheFilterLetsThrough) {
    const GuestSet set = guests_named({"boot"});
    EXPECT_THAT(names_of(make_plan(set, Filter({"*.empty"}), {})), ElementsAre("boot.empty"));
}

TEST(Plan, NothingToRunIsAnError) {
    const GuestSet set = guests_named({"boot"});
    EXPECT_THROW(make_plan(set, Filter({"nothing"}), {}), Error);
}

TEST(Plan, APatternThatMatchesNothingIsAnError) {
    const GuestSet set = guests_named({"boot"});
    try {
        make_plan(set, Filter({"*.empty:typo*"}), {});
        FAIL() << "it was passed over";
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(), "no test matches --filter typo*");
    }
}

TEST(Plan, RepeatsAllBeforeAnyAgain) {
    const GuestSet set = guests_named({"boot"});
    const auto plan = make_plan(set, Filter({"boot.empty:boot.memory*"}), {.repeat = 2});
    EXPECT_THAT(names_of(plan), ElementsAre("boot.empty", "boot.memory_map_is_usable", "boot.empty",
                                            "boot.memory_map_is_usable"));
    EXPECT_EQ(plan.back().repetition, 2U);
}

TEST(Plan, ASeedIsAnOrder) {
    const GuestSet set = guests_named({});
    const Filter all({});
    const auto straight = names_of(make_plan(set, all, {}));
    const auto first = names_of(make_plan(set, all, {.shuffle_seed = 1}));
    EXPECT_EQ(first, names_of(make_plan(set, all, {.shuffle_seed = 1})));
    EXPECT_NE(first, straight);
    EXPECT_NE(first, names_of(make_plan(set, all, {.shuffle_seed = 2})));
    EXPECT_EQ(std::set(first.begin(), first.end()), std::set(straight.begin(), straight.end()));
}

}  // namespace
}  // namespace nestbed::vmm
