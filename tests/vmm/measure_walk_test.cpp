// nestbed measure walk, from its command line to its table and its JSON. Nothing here depends on a
// time but that there is one.

#include <nlohmann/json.hpp>

#include "cli_test.hpp"
#include "vmm/memory/huge_pages.hpp"

namespace nestbed::test {
namespace {

using nlohmann::json;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

// What needs no KVM.

TEST(WalkCommandLine, AnUnknownValueNamesTheKnownOnes) {
    EXPECT_THAT(nestbed({"measure", "walk", "--guest-leaf", "4m"}).err,
                EndsWith("--guest-leaf 4m: there are 4k, 2m, 1g, all\n"));
    EXPECT_THAT(nestbed({"measure", "walk", "--pattern", "zigzag"}).err,
                EndsWith("--pattern zigzag: there are random, strided, all\n"));
    EXPECT_THAT(nestbed({"measure", "walk", "--backing", "anon,paper"}).err,
                HasSubstr("--backing paper: there are anon, thp, memfd"));
}

TEST(WalkCommandLine, AWorkingSetIsWholePages) {
    for (const char* size : {"0", "1K", "5000", "65G"}) {
        const ProcessResult result = nestbed({"measure", "walk", "--working-set", size});
        EXPECT_EQ(result.exit_code, 2) << size;
        EXPECT_THAT(result.err, HasSubstr("it is a multiple of 4K from 4K to 64G")) << size;
    }
}

// What does.

class MeasureWalk : public WithKvm {
  protected:
    static json measure(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {"measure", "walk", "--format", "json"});
        const ProcessResult result = nestbed(arguments);
        EXPECT_EQ(result.exit_code, 0) << result.err;
        return json::parse(result.out);
    }

    static json measurement_named(const json& report, const std::string& name) {
        for (const json& measurement : report["measurements"]) {
            if (measurement["name"] == name) {
                return measurement;
            }
        }
        ADD_FAILURE() << "no measurement " << name;
        return {};
    }
};

TEST_F(MeasureWalk, EachChaseHasItsSamplesInGuestAndProcess) {
    const json report = measure({"--guest-leaf", "4k", "--backing", "anon", "--working-set", "64K",
                                 "--samples", "30", "--accesses", "100"});
    for (const char* name : {"chase", "packed chase", "host chase", "packed host chase"}) {
        const json chase = measurement_named(report, name);
        EXPECT_EQ(chase["count"], 30) << name;
        EXPECT_GT(chase["min"], 0) << name;
        EXPECT_EQ(chase["inputs"]["accesses"], 100) << name;
        EXPECT_EQ(chase["inputs"]["working_set"], 64 << 10) << name;
    }
}

TEST_F(MeasureWalk, SeveralCpusAndPatternsHaveARowEach) {
    const json report = measure({"--guest-leaf", "4k", "--backing", "anon", "--working-set",
                                 "64K,1M", "--samples", "5", "--cpus", "1,2", "--pattern", "all"});
    EXPECT_EQ(report["rows"].size(), 8U);
    EXPECT_EQ(report["summary"]["passed"], 8);
    // Of two vCPUs, and of two threads, each has its samples.
    for (const json& measurement : report["measurements"]) {
        EXPECT_EQ(measurement["count"], measurement["inputs"]["cpus"] == 2 ? 10 : 5);
    }
}

TEST_F(MeasureWalk, TheTlbEntryIsTheSmallerOfTheTwoPages) {
    const json report = measure(
        {"--guest-leaf", "4k,2m", "--backing", "anon", "--working-set", "2M", "--samples", "3"});
    for (const json& row : report["rows"]) {
        EXPECT_EQ(row["derived"]["tlb_entry"], "4k");
    }
}

TEST_F(MeasureWalk, HugePagesMakeLargeTlbEntriesWhereTheGuestsLeavesAreLarge) {
    if (vmm::transparent_huge_page_lack()) {
        GTEST_SKIP() << "NOT TESTED, this host has no transparent huge pages";
    }
    const json report = measure(
        {"--guest-leaf", "4k,2m", "--backing", "thp", "--working-set", "4M", "--samples", "3"});
    const json& rows = report["rows"];
    EXPECT_EQ(rows[0]["derived"]["tlb_entry"], "4k");
    if (report["tests"][1]["memory"]["test_memory"]["host"]["anon_huge_pages"] != 4 << 20) {
        GTEST_SKIP() << "NOT TESTED, the host had no huge pages to give";
    }
    EXPECT_EQ(rows[1]["derived"]["tlb_entry"], "2m");
    // In both, small entries for huge pages included.
    for (const json& measurement : report["measurements"]) {
        if (measurement["name"] == "host chase") {
            EXPECT_EQ(measurement["outcome"]["guests_memory"], 1) << measurement["outcome"];
        }
    }
}

TEST_F(MeasureWalk, WhatIsNotPossibleDoesNotEndTheOthers) {
    const std::uint64_t page = std::uint64_t{1} << 30;
    if (!vmm::huge_page_lack(page, 2)) {
        GTEST_SKIP() << "NOT TESTED, this host has pages of 1 GiB";
    }
    const ProcessResult result =
        nestbed({"measure", "walk", "--backing", "hugetlb-1g,anon", "--guest-leaf", "4k",
                 "--working-set", "64K", "--samples", "3", "--output", path("out.json")});
    EXPECT_EQ(result.exit_code, host_lacks);
    EXPECT_THAT(result.err, HasSubstr("backing hugetlb-1g, working set 64 KiB"));
    EXPECT_THAT(result.out, HasSubstr("failed: ")) << "and the next is measured";
    const json report = json::parse(contents(path("out.json")));
    EXPECT_EQ(report["rows"].size(), 1U);
    EXPECT_EQ(report["interrupted"], false);
    EXPECT_EQ(report["not_finished"], 0);
    EXPECT_EQ(report["tests"][0]["error"]["kind"], "host_lacks");
}

TEST_F(MeasureWalk, TheTableSaysWhatIsLeftOut) {
    const ProcessResult result =
        nestbed({"measure", "walk", "--working-set", "64K,128K", "--samples", "3", "--backing",
                 "anon", "--guest-leaf", "all"});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_THAT(result.out, HasSubstr("guest leaf  backing  working set  TLB entry"));
    // 1 GiB pages are there or not, and the others always.
    EXPECT_THAT(result.out, HasSubstr("2m          anon          64 KiB  4k"));
    EXPECT_THAT(result.out, Not(HasSubstr("failed")));
}

TEST_F(MeasureWalk, AChaseInResidentMemoryTakesNoPageFaults) {
    const json report = measure({"--guest-leaf", "4k", "--backing", "anon", "--working-set", "256K",
                                 "--samples", "5", "--accesses", "5000"});
    if (system().extension(KVM_CAP_BINARY_STATS_FD) <= 0) {
        GTEST_SKIP() << "this host's KVM does not show its counters";
    }
    const json exits = measurement_named(report, "chase")["kvm_counts"];
    EXPECT_TRUE(exits.contains("exits")) << exits;
    EXPECT_EQ(exits.value("pf_fixed", 0.0), 0.0);
}

}  // namespace
}  // namespace nestbed::test
