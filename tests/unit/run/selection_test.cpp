// Which tests a command line selects.

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "vmm/base/error.hpp"
#include "vmm/run/selection.hpp"

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
    EXPECT_THAT(names, Not(Contains("mistakes")));
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

std::vector<std::string> names_of(const SelectedTests& selected) {
    std::vector<std::string> names;
    for (const SelectedTest& one : selected.tests) {
        names.push_back(one.test->full_name());
    }
    return names;
}

std::string selection_objection(const GuestSet& guests, const Selection& selection) {
    try {
        select(guests, selection);
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::usage);
        return error.what();
    }
    return "no error";
}

TEST(Selection, WithoutAnyIsEverything) {
    const GuestSet guests = guests_named({"boot", "flush"});
    EXPECT_EQ(select(guests, {}).tests.size(),
              guests.front().tests().size() + guests.back().tests().size());
}

TEST(Selection, IsWhatFilterAndTagLetThrough) {
    const GuestSet guests = guests_named({"boot", "flush"});
    EXPECT_THAT(names_of(select(guests, {.filter = Filter({"*.empty"})})),
                ElementsAre("boot.empty"));
    EXPECT_THAT(names_of(select(guests, {.filter = Filter({"flush.*:-*context*:*all*"}),
                                         .tags = TagFilter({"needs-invpcid"})})),
                ElementsAre("flush.by_invpcid_of_an_address"));
    const auto without = names_of(select(guests, {.tags = TagFilter({"-needs-invpcid"})}));
    EXPECT_THAT(without, Contains("boot.empty"));
    EXPECT_THAT(without, Contains("flush.by_invlpg"));
    EXPECT_THAT(without, Not(Contains(HasSubstr("invpcid_of"))));
}

TEST(Selection, WhatMatchesNothingIsRefused) {
    const GuestSet guests = guests_named({"boot", "flush"});
    EXPECT_EQ(selection_objection(guests, {.filter = Filter({"*.empty:typo*"})}),
              "no test matches --filter typo*");
    EXPECT_EQ(selection_objection(guests, {.filter = Filter({"boot.*:-boot.typo"})}),
              "no test matches --filter -boot.typo");
    EXPECT_EQ(selection_objection(guests, {.tags = TagFilter({"slwo"})}),
              "no test here has the tag slwo (there are: needs-invpcid)");
    EXPECT_EQ(selection_objection(guests, {.tags = TagFilter({"-slwo"})}),
              "no test here has the tag slwo (there are: needs-invpcid)");
    EXPECT_EQ(selection_objection(guests_named({"boot"}), {.tags = TagFilter({"slow"})}),
              "no test here has the tag slow (there is none that has any)");
    EXPECT_EQ(selection_objection(guests, {.filter = Filter({"bout.*"})}),
              "no test matches --filter bout.*; did you mean boot.*?");
    EXPECT_EQ(selection_objection(guests, {.filter = Filter({"-flush.by_invpg"})}),
              "no test matches --filter -flush.by_invpg; did you mean flush.by_invlpg?");
    EXPECT_EQ(selection_objection(guests, {.tags = TagFilter({"need-invpcid"})}),
              "no test here has the tag need-invpcid; did you mean needs-invpcid? (there are: "
              "needs-invpcid)");
    EXPECT_THAT(selection_objection(guests, {.filter = Filter({"boot.*:-boot.*"})}),
                HasSubstr("leave no test"));
    EXPECT_THAT(selection_objection(
                    guests, {.filter = Filter({"boot.*"}), .tags = TagFilter({"needs-invpcid"})}),
                HasSubstr("leave no test"));
}

TEST(Selection, OfWhatFailedBefore) {
    const GuestSet guests = guests_named({"boot", "flush"});
    const auto failed = [](std::set<std::string> tests) {
        return Selection{.failed_before = FailedBefore{"r.json", std::move(tests)}};
    };
    EXPECT_THAT(names_of(select(guests, failed({"flush.by_cr3", "boot.empty"}))),
                ElementsAre("boot.empty", "flush.by_cr3"));
    const SelectedTests without_one = select(guests, failed({"boot.empty", "boot.renamed"}));
    EXPECT_THAT(names_of(without_one), ElementsAre("boot.empty"));
    EXPECT_THAT(without_one.remarks,
                ElementsAre("boot.renamed failed in r.json and is not run: no guest here has it"));
    const SelectedTests none = select(guests, failed({}));
    EXPECT_TRUE(none.tests.empty());
    EXPECT_THAT(none.remarks,
                ElementsAre("no test failed in r.json: there is nothing to run again"));
    EXPECT_THAT(selection_objection(guests, failed({"other.test"})), HasSubstr("other.test"));
    Selection filtered = failed({"boot.empty"});
    filtered.filter = Filter({"flush.*"});
    EXPECT_THAT(selection_objection(guests, filtered), HasSubstr("no test of those in r.json"));
}

/// All of 1 to `count`.
std::vector<std::vector<std::string>> shards_of(const GuestSet& guests, std::uint64_t count) {
    std::vector<std::vector<std::string>> shards;
    for (std::uint64_t index = 1; index <= count; ++index) {
        shards.push_back(names_of(select(guests, {.shard = Shard{index, count}})));
    }
    return shards;
}

TEST(Shards, TogetherAreTheWholeAndEven) {
    std::mt19937_64 random(1);
    for (const std::vector<std::string>& names :
         {std::vector<std::string>{"boot"}, {"boot", "flush"}, {}}) {
        const GuestSet guests = guests_named(names);
        const auto whole = names_of(select(guests, {}));
        for (const std::uint64_t count :
             {std::uint64_t{1}, std::uint64_t{2}, 2 + random() % 40, whole.size(), whole.size() + 3,
              std::uint64_t{1'000'000}}) {
            std::multiset<std::string> all;
            std::size_t least = whole.size();
            std::size_t most = 0;
            // Of a million shards, those that can have a test and one more.
            for (std::uint64_t n = 1; n <= std::min<std::uint64_t>(count, whole.size() + 1); ++n) {
                const auto shard = names_of(select(guests, {.shard = Shard{n, count}}));
                all.insert(shard.begin(), shard.end());
                least = std::min(least, shard.size());
                most = std::max(most, shard.size());
            }
            EXPECT_EQ(all, std::multiset<std::string>(whole.begin(), whole.end())) << count;
            EXPECT_LE(most - least, 1U) << count;
        }
    }
}

TEST(Shards, AreTheSameWhateverTheOrderOfGuests) {
    const GuestSet one = guests_named({"boot", "flush", "user"});
    const GuestSet other = guests_named({"user", "boot", "flush"});
    const auto sorted = [](std::vector<std::vector<std::string>> shards) {
        for (auto& shard : shards) {
            std::ranges::sort(shard);
        }
        return shards;
    };
    EXPECT_NE(names_of(select(one, {})), names_of(select(other, {})));
    EXPECT_EQ(sorted(shards_of(one, 4)), sorted(shards_of(other, 4)));
}

TEST(Shards, AnEmptyOneSaysSo) {
    const GuestSet guests = guests_named({"boot"});
    const SelectedTests selected =
        select(guests, {.filter = Filter({"boot.empty"}), .shard = Shard{2, 3}});
    EXPECT_TRUE(selected.tests.empty());
    EXPECT_THAT(selected.remarks, ElementsAre("shard 2/3 is empty: there is 1 test"));
}

}  // namespace
}  // namespace nestbed::vmm
