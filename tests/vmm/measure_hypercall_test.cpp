// nestbed measure hypercall: what counts as a call is counted, whatever it takes.

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli_test.hpp"
#include "tests/program/process.hpp"
#include "tests/vmm/study_run.hpp"
#include "vmm/result/measurements.hpp"
#include "vmm/run/calibrate.hpp"

namespace nestbed::vmm {
namespace {

using nlohmann::json;
using testing::DoubleEq;
using testing::HasSubstr;
using testing::Optional;

class HypercallTest : public test::KvmTest {
  protected:
    StudyRun measure(const std::string& kind, std::uint64_t samples = 40) {
        return test::run_study(system(), "hypercall",
                               {{"--kind", kind}, {"--samples", std::to_string(samples)}});
    }
};

/// Exits to the VMM per call of a kind that was measured; nothing if it was skipped.
std::optional<double> exits(const StudyRun& run) {
    const TestResult& result = run.test;
    EXPECT_NE(result.verdict, Verdict::failed) << result.name << ": " << result.reason << "\n"
                                               << result.diagnosis;
    for (const FailedExpectation& failure : result.failures) {
        ADD_FAILURE() << failure.expression << ": " << failure.values;
    }
    return test::derived_of(run, "hypercall", "exits");
}

TEST_F(HypercallTest, CallsToTheVmmAreOneExitEach) {
    for (const char* kind : {"port", "doorbell", "mmio", "user_mmio"}) {
        EXPECT_THAT(exits(measure(kind)), Optional(DoubleEq(1))) << kind;
    }
    const StudyRun from_user_mode = measure("user_port");
    if (from_user_mode.test.verdict != Verdict::skipped) {
        EXPECT_THAT(exits(from_user_mode), Optional(DoubleEq(1)));
    }
}

TEST_F(HypercallTest, OtherCallsAreNone) {
    for (const std::string& kind : test::names_of_axis("hypercall", "kind")) {
        if (kind == "port" || kind == "doorbell" || kind == "mmio" || kind.starts_with("user_")) {
            continue;
        }
        const StudyRun run = measure(kind);
        if (run.test.verdict == Verdict::skipped) {
            EXPECT_NE(run.test.reason, "") << kind;
        } else {
            EXPECT_THAT(exits(run), Optional(DoubleEq(0))) << kind;
        }
    }
}

TEST_F(HypercallTest, KvmCountsThemToo) {
    // Of the VM's vCPU alone: an exit for the host's interrupt may come besides, but not one for
    // each call.
    if (system().extension(KVM_CAP_BINARY_STATS_FD) == 0) {
        GTEST_SKIP() << "NOT TESTED, KVM does not show its counters here";
    }
    const auto count = [&](const TestResult& result, const char* name) {
        const auto& counts = result.kvm_counts.counts;
        const auto found = std::ranges::find(counts, name, &KvmCount::name);
        return found == counts.end() ? 0.0 : found->per_operation;
    };
    const TestResult mmio = measure("mmio").test;
    EXPECT_EQ(mmio.kvm_counts.operations, 16U);
    EXPECT_THAT(count(mmio, "mmio_exits"), DoubleEq(1));
    EXPECT_THAT(count(measure("port").test, "mmio_exits"), DoubleEq(0));
    const TestResult coalesced = measure("coalesced_mmio").test;
    if (coalesced.verdict != Verdict::skipped) {
        EXPECT_THAT(count(coalesced, "mmio_exits"), DoubleEq(0));
    }
}

TEST_F(HypercallTest, TheRingIsEmptiedWhenItIsFull) {
    // Many times as many writes as it holds; the guest expects each of them to arrive in its turn.
    for (const char* kind : {"coalesced_port", "coalesced_mmio"}) {
        const TestResult result = measure(kind, 2000).test;
        EXPECT_NE(result.verdict, Verdict::failed) << kind << ": " << result.reason;
    }
}

TEST_F(HypercallTest, BothTurnsAreSampledAlike) {
    const StudyRun run = measure("doorbell", 100);
    const TestResult& result = run.test;
    const MeasurementEvent* calls = measurement_named(result, "hypercall");
    const MeasurementEvent* bare = measurement_named(result, "bare loop");
    ASSERT_NE(calls, nullptr);
    ASSERT_NE(bare, nullptr);
    EXPECT_GE(calls->histogram.count(), 10U);
    EXPECT_EQ(calls->histogram.count(), bare->histogram.count());
    EXPECT_TRUE(test::derived_of(run, "hypercall", "/bare").has_value());
}

using HypercallProgramTest = nestbed::test::WithKvm;

TEST_F(HypercallProgramTest, HasEachKindInItsTableAndInJson) {
    const auto human = nestbed::test::nestbed(
        {"measure", "hypercall", "--samples", "20", "--output", path("hypercall.json")});
    EXPECT_EQ(human.exit_code, 0) << human.out << human.err;
    EXPECT_THAT(human.out, HasSubstr("doorbell: "));
    const json all = json::parse(contents(path("hypercall.json")));
    std::vector<std::string> tests;
    for (const json& test : all["tests"]) {
        tests.push_back(test["name"]);
        const bool skipped = test["verdict"] == "skipped";
        EXPECT_EQ(skipped, !test["reason"].get<std::string>().empty()) << test;
        EXPECT_THAT(human.out, HasSubstr(tests.back()));
        const auto of_it = std::ranges::count_if(all["measurements"], [&](const json& measurement) {
            return measurement["inputs"]["kind"] == tests.back();
        });
        EXPECT_EQ(of_it, skipped ? 0 : 2) << tests.back();
    }
    EXPECT_EQ(tests, vmm::test::names_of_axis("hypercall", "kind"));
    const json& doorbell = *std::ranges::find_if(
        all["rows"], [](const json& row) { return row["inputs"]["kind"] == "doorbell"; });
    EXPECT_EQ(doorbell["inputs"]["samples"], 20);
    EXPECT_GT(doorbell["derived"]["over_bare"], 0);
    EXPECT_EQ(doorbell["derived"]["answered_by"], "user space");
    for (const json& measurement : all["measurements"]) {
        if (measurement["name"] == "bare loop") {
            EXPECT_TRUE(measurement["kvm_counts"].empty()) << measurement;
        }
    }
}

TEST_F(HypercallProgramTest, RunsInMemoryOfTheBackingThatIsAskedFor) {
    const auto result =
        nestbed::test::nestbed({"measure", "hypercall", "--kind", "port", "--samples", "1",
                                "--backing", "memfd", "--format", "json"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(json::parse(result.out)["tests"][0]["memory"]["backing"], "memfd");
}

TEST_F(HypercallProgramTest, RefusesAKindThatThereIsNot) {
    const auto result = nestbed::test::nestbed({"measure", "hypercall", "--kind", "port,telegram"});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, HasSubstr("--kind telegram: there are port, doorbell, "));
}

}  // namespace
}  // namespace nestbed::vmm
