// nestbed measure fault, from its command line to its table and its JSON. Nothing here depends on a
// time but that there is one.

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli_test.hpp"
#include "shared/study/fault_rungs.hpp"

namespace nestbed::test {
namespace {

using nlohmann::json;
using study::Rung;
using testing::EndsWith;
using testing::HasSubstr;

// What needs no KVM.

TEST(FaultCommandLine, AnUnknownValueNamesTheKnownOnes) {
    const ProcessResult result = nestbed({"measure", "fault", "--rung", "abyss"});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, HasSubstr("--rung abyss: there are hit, guest-fault, guest-upgrade, "));
    EXPECT_THAT(result.err, EndsWith(", read-only, paged-out, userfault-missing, "
                                     "userfault-minor, all\n"));
    EXPECT_THAT(nestbed({"measure", "fault", "--backing", "paper"}).err,
                HasSubstr("--backing paper: there are anon, thp, memfd"));
    EXPECT_EQ(nestbed({"measure", "fault", "--samples", "4097"}).exit_code, 2);
    EXPECT_EQ(nestbed({"measure", "fault", "--cpus", "0"}).exit_code, 2);
}

TEST(FaultCommandLine, TheHelpExplainsEachRung) {
    const std::string help = nestbed({"measure", "fault", "--help"}).out;
    for (const auto& rung : study::values_of<study::Rung>) {
        EXPECT_THAT(help, HasSubstr(fmt::format("\n  {} ", rung.name)));
    }
}

// What does.

class MeasureFault : public WithKvm {
  protected:
    static json measure(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {"measure", "fault", "--format", "json"});
        const ProcessResult result = nestbed(arguments);
        EXPECT_EQ(result.exit_code, 0) << result.err;
        return json::parse(result.out);
    }

    static json stores_of(const json& report, Rung rung) {
        for (const json& measurement : report["measurements"]) {
            if (measurement["name"] == "store" && measurement["inputs"]["rung"] == name_of(rung)) {
                return measurement;
            }
        }
        ADD_FAILURE() << "no measurement of " << name_of(rung);
        return json::object();
    }

    static bool depends_on_the_host(Rung rung) {
        return rung == Rung::paged_out || rung == Rung::dirty_ring ||
               rung == Rung::userfault_missing || rung == Rung::userfault_minor;
    }

    /// Page faults that KVM resolved for a store of the rung.
    static double fixed(const json& report, Rung rung) {
        return stores_of(report, rung)["kvm_counts"].value("pf_fixed", 0.0);
    }
};

TEST_F(MeasureFault, EachRungHasItsSamplesAndNoViolation) {
    const json report = measure({"--samples", "40"});
    for (std::uint64_t n = 0; n < study::value_count<study::Rung>; ++n) {
        const json& test = report["tests"][n];
        if (test["verdict"] == "skipped" && depends_on_the_host(static_cast<Rung>(n))) {
            EXPECT_NE(test["reason"], "");
            continue;
        }
        const json stores = stores_of(report, static_cast<Rung>(n));
        EXPECT_EQ(stores["count"], 40);
        EXPECT_GT(stores["min"], 0);
        EXPECT_EQ(stores["outcome"]["violations"], 0);
    }
}

TEST_F(MeasureFault, SeveralVcpusStoreTheSamePagesAsOne) {
    const json report = measure({"--samples", "41", "--cpus", "3", "--rung",
                                 "hit,guest-fault,guest-upgrade,unpopulated,dirty-bitmap,moved"});
    EXPECT_EQ(report["summary"]["passed"], 6);
    for (const Rung rung : {Rung::hit, Rung::guest_fault, Rung::guest_upgrade, Rung::unpopulated,
                            Rung::dirty_bitmap, Rung::moved}) {
        EXPECT_EQ(stores_of(report, rung)["count"], 41);
        EXPECT_EQ(stores_of(report, rung)["inputs"]["cpus"], 3);
    }
}

TEST_F(MeasureFault, EachStoreToAReadOnlySlotIsOneExit) {
    const json report = measure({"--rung", "read-only", "--samples", "40"});
    EXPECT_EQ(stores_of(report, Rung::read_only)["kvm_counts"]["mmio_exits"], 1.0);
}

TEST_F(MeasureFault, TheSlotMovesWhileItIsRead) {
    const json report = measure({"--rung", "moved", "--samples", "40"});
    const json& move = report["measurements"][0];
    EXPECT_EQ(move["name"], "move");
    EXPECT_EQ(move["count"], 2 * study::memslot_trips);
    EXPECT_EQ(move["outcome"]["violations"], 0);
    EXPECT_GE(move["outcome"]["reads"], study::memslot_trips);
    EXPECT_GE(move["outcome"]["reads_of_nothing"], study::memslot_trips);
    // As many as KVM has taken away: what was mapped by another store's fault is not stored to.
    EXPECT_GE(fixed(report, Rung::moved), 1.0);
}

TEST_F(MeasureFault, MemoryFilesHaveMinorFaults) {
    const json report =
        measure({"--rung", "userfault-minor", "--backing", "memfd", "--samples", "40"});
    const json& test = report["tests"][0];
    if (test["verdict"] == "skipped") {
        EXPECT_THAT(test["reason"].get<std::string>(), HasSubstr("userfaultfd is not ours"));
        GTEST_SKIP() << test["reason"];
    }
    EXPECT_EQ(stores_of(report, Rung::userfault_minor)["outcome"]["violations"], 0);
    EXPECT_GE(fixed(report, Rung::userfault_minor), 1.0);
}

TEST_F(MeasureFault, KvmFixesAFaultForEachPageThatItDoesNotMap) {
    const json report = measure({"--samples", "40"});
    for (const Rung rung : {Rung::unmapped, Rung::unpopulated, Rung::zero_page_upgrade,
                            Rung::discarded, Rung::dirty_bitmap, Rung::log_ended}) {
        EXPECT_GE(fixed(report, rung), 1.0) << name_of(rung);
    }
    // Less than one, not none: the host may take any page away at any time.
    EXPECT_LT(fixed(report, Rung::hit), 1.0);
}

TEST_F(MeasureFault, MemoryWithoutAZeroPageSkipsItsRungWithTheReason) {
    const json report = measure({"--rung", "unpopulated,zero-page-upgrade,discarded", "--backing",
                                 "memfd", "--samples", "20"});
    EXPECT_EQ(report["summary"]["passed"], 2);
    EXPECT_EQ(report["summary"]["skipped"], 1);
    EXPECT_THAT(report["tests"][1]["reason"].get<std::string>(), HasSubstr("not the zero page"));
}

TEST_F(MeasureFault, TheTableSetsEachRungBesideTheHit) {
    const ProcessResult result =
        nestbed({"measure", "fault", "--rung", "hit,unpopulated", "--samples", "20"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.out, HasSubstr("rung         p50 /hit  samples"));
    EXPECT_THAT(result.out, HasSubstr("\nhit               1.0       20"));
    EXPECT_THAT(result.out, HasSubstr("\nunpopulated"));
}

}  // namespace
}  // namespace nestbed::test
