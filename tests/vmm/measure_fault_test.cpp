// nestbed measure fault, from its command line to its table and its JSON. Nothing here depends on a
// time but that there is one.

#include <nlohmann/json.hpp>

#include "cli_test.hpp"
#include "shared/fault/rung.hpp"

namespace nestbed::test {
namespace {

using fault::Rung;
using nlohmann::json;
using testing::EndsWith;
using testing::HasSubstr;

// What needs no KVM.

TEST(FaultCommandLine, AnUnknownValueNamesTheKnownOnes) {
    const ProcessResult result = nestbed({"measure", "fault", "--rung", "abyss"});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, EndsWith("--rung abyss: there are hit, guest-fault, guest-upgrade, "
                                     "unmapped, unpopulated, zero-page-upgrade, discarded, all\n"));
    EXPECT_THAT(nestbed({"measure", "fault", "--backing", "paper"}).err,
                HasSubstr("--backing paper: there are anon, thp, memfd"));
    EXPECT_EQ(nestbed({"measure", "fault", "--samples", "4097"}).exit_code, 2);
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
            if (measurement["params"]["rung"] == name_of(rung)) {
                return measurement;
            }
        }
        ADD_FAILURE() << "no measurement of " << name_of(rung);
        return json::object();
    }

    /// Page faults that KVM resolved for a store of the rung.
    static double fixed(const json& report, Rung rung) {
        return stores_of(report, rung)["exits"].value("pf_fixed", 0.0);
    }
};

TEST_F(MeasureFault, EachRungHasItsSamplesAndNoViolation) {
    const json report = measure({"--samples", "40"});
    for (std::uint64_t n = 0; n < fault::rung_count; ++n) {
        const json stores = stores_of(report, static_cast<Rung>(n));
        EXPECT_EQ(stores["count"], 40);
        EXPECT_GT(stores["min"], 0);
        EXPECT_EQ(stores["params"]["violations"], 0);
    }
}

TEST_F(MeasureFault, KvmFixesAFaultForEachPageThatItDoesNotMap) {
    const json report = measure({"--samples", "40"});
    for (const Rung rung :
         {Rung::unmapped, Rung::unpopulated, Rung::zero_page_upgrade, Rung::discarded}) {
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
