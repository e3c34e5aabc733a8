// nestbed measure shootdown, from its command line to its tables and its exit code.

#include <fmt/format.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <set>

#include "cli_test.hpp"
#include "shared/shootdown/protocol_names.hpp"

namespace nestbed::test {
namespace {

using nlohmann::json;
using testing::ContainsRegex;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsSubsetOf;
using testing::Not;
using testing::StartsWith;
using namespace std::chrono_literals;

// What needs no KVM.

TEST(ShootdownCommandLine, AnUnknownProtocolNamesTheKnownOnes) {
    EXPECT_THAT(nestbed({"measure", "shootdown", "--protocol", "magic"}).err,
                EndsWith("--protocol magic: there are global, mailbox, mailbox-overlapped, "
                         "scoreboard, early-ack, generation, deferred, polled, paravirtual, nmi, "
                         "all\n"));
    EXPECT_THAT(nestbed({"measure", "shootdown", "--target", "user,asleep"}).err,
                EndsWith("--target asleep: there are user, spin, hlt, irqs-off, lazy, descheduled, "
                         "all\n"));
}

TEST(ShootdownCommandLine, TheHelpOfShootdownExplainsEachValueOfEachAxis) {
    const std::string help = nestbed({"measure", "shootdown", "--help"}).out;
    for (const std::string name : {"global",
                                   "mailbox",
                                   "mailbox-overlapped",
                                   "scoreboard",
                                   "early-ack",
                                   "generation",
                                   "deferred",
                                   "polled",
                                   "paravirtual",
                                   "nmi",
                                   "user",
                                   "spin",
                                   "hlt",
                                   "irqs-off",
                                   "lazy",
                                   "descheduled",
                                   "unicast",
                                   "cluster",
                                   "all-but-self",
                                   "hypercall",
                                   "invlpg",
                                   "cr3",
                                   "pge",
                                   "invpcid-address",
                                   "invpcid-context",
                                   "invpcid-all",
                                   "invpcid-non-global",
                                   "same",
                                   "disjoint"}) {
        EXPECT_THAT(help, testing::ContainsRegex("\n  " + name + " +[A-Za-z]+")) << name;
    }
    EXPECT_THAT(help, HasSubstr("1,2,4,8,16,32-34,64,512"));
    EXPECT_THAT(help, Not(HasSubstr("{false}"))) << "that is CLI11's, not a user's";
}

// What needs KVM.

class MeasureShootdown : public WithKvm {
  protected:
    /// Runs it to its end; the result as JSON.
    json measured(std::vector<std::string> options, int exit_code = success) {
        options.insert(options.begin(), {"measure", "shootdown", "--format", "json"});
        const ProcessResult result = nestbed(options);
        EXPECT_EQ(result.exit_code, exit_code) << result.out << result.err;
        return json::parse(result.out);
    }

    /// The measurements that are latencies of whole shootdowns.
    static std::vector<json> shootdowns(const json& report) {
        std::vector<json> result;
        for (const json& measurement : report["measurements"]) {
            if (measurement["name"] == "shootdown") {
                result.push_back(measurement);
            }
        }
        return result;
    }

    /// The protocols of the tests with this verdict.
    static std::set<std::string> protocols(const json& report, const char* verdict) {
        std::set<std::string> result;
        for (const json& test : report["tests"]) {
            if (test["verdict"] == verdict) {
                result.insert(
                    name_of(static_cast<shootdown::ProtocolId>(test["parameters"]["protocol"])));
            }
        }
        return result;
    }
};

TEST_F(MeasureShootdown, PrintsATable) {
    const ProcessResult result =
        nestbed({"measure", "shootdown", "--pages", "1,2", "--target", "user,hlt", "--samples", "5",
                 "--no-pin", "--format", "json", "--output", path("out.json")});
    EXPECT_EQ(result.exit_code, success) << result.out << result.err;
    EXPECT_THAT(result.out, StartsWith("calibration: "));
    EXPECT_THAT(result.out, HasSubstr("timings here: "));
    EXPECT_THAT(result.out, ContainsRegex("vCPUs +pages +target +/bare +samples"));
    const json report = json::parse(contents(path("out.json")));
    const std::vector<json> latencies = shootdowns(report);
    ASSERT_EQ(latencies.size(), 4U);
    EXPECT_EQ(latencies[0]["count"], 5);
    EXPECT_EQ(latencies[0]["inputs"]["protocol"], "global");
    EXPECT_EQ(report["tests"][3]["parameters"]["pages"], 2);
}

TEST_F(MeasureShootdown, CountsWhatKvmDid) {
    if (system().extension(KVM_CAP_BINARY_STATS_FD) == 0) {
        GTEST_SKIP() << "NOT TESTED, KVM does not show its counters here";
    }
    const json report = measured({"--pages", "1", "--target", "user", "--samples", "5"});
    EXPECT_EQ(report["tests"][0]["kvm_counts"]["problem"], "");
    EXPECT_EQ(report["tests"][0]["kvm_counts"]["operations"],
              report["tests"][0]["kvm_counts"]["empty"]);
    // Nothing else is sure of every host: interrupts may reach a guest without an exit.
    EXPECT_FALSE(shootdowns(report).at(0)["kvm_counts"].empty());
}

TEST_F(MeasureShootdown, RunsTheProtocolsThatWereAskedFor) {
    const json report = measured({"--protocol", "early-ack,mailbox", "--pages", "2", "--target",
                                  "user", "--samples", "3", "--no-pin"});
    ASSERT_EQ(shootdowns(report).size(), 2U);
    EXPECT_EQ(shootdowns(report)[0]["inputs"]["protocol"], "early-ack");
    EXPECT_EQ(shootdowns(report)[1]["inputs"]["protocol"], "mailbox");
}

TEST_F(MeasureShootdown, RunsAllProtocolsThatCanBe) {
    const json report = measured({"--protocol", "all", "--pages", "2", "--target", "user,spin",
                                  "--samples", "3", "--no-pin"});
    EXPECT_EQ(shootdowns(report).size(), report["summary"]["passed"]);
    EXPECT_EQ(protocols(report, "passed").size() + protocols(report, "skipped").size(),
              shootdown::protocol_count + 1)
        << "polled is in both: a target in user mode does not poll";
    EXPECT_THAT(protocols(report, "skipped"),
                IsSubsetOf(std::set<std::string>{"polled", "paravirtual"}));
}

TEST_F(MeasureShootdown, EveryAxisReachesTheGuest) {
    const json report = measured({"--cpus", "4", "--pages", "2", "--target", "lazy", "--routing",
                                  "cluster", "--flush", "cr3,invlpg", "--initiators", "2",
                                  "--spaces", "disjoint", "--threshold", "7", "--samples", "3"});
    const json inputs = shootdowns(report).at(0)["inputs"];
    EXPECT_EQ(inputs["cpus"], 4);
    EXPECT_EQ(inputs["pages"], 2);
    EXPECT_EQ(inputs["target"], "lazy");
    EXPECT_EQ(inputs["routing"], "cluster");
    EXPECT_EQ(inputs["flush"], "cr3");
    EXPECT_EQ(inputs["initiators"], 2);
    EXPECT_EQ(inputs["spaces"], "disjoint");
    EXPECT_EQ(inputs["threshold"], 7);
}

TEST_F(MeasureShootdown, VcpusMayShareOneHostCore) {
    const json report = measured({"--pages", "1", "--target", "descheduled", "--samples", "3"});
    const json found = shootdowns(report).at(0);
    EXPECT_EQ(found["inputs"]["target"], "descheduled");
    if (found["outcome"]["steal_time"] == "offered") {
        // The target runs only when the host takes the initiator off the core.
        EXPECT_EQ(found["outcome"]["stolen_from"], 3);
    }
}

TEST_F(MeasureShootdown, TheFlushPrimitiveIsTheOneAskedFor) {
    const json report =
        measured({"--pages", "2", "--target", "user", "--flush", "invlpg,cr3", "--samples", "3"});
    const auto invlpgs = [&](std::size_t n) {
        return shootdowns(report).at(n)["kvm_counts"].value("invlpg", 0.0);
    };
    if (invlpgs(0) == 0) {
        GTEST_SKIP() << "INVLPG does not exit here, so KVM does not count it";
    }
    EXPECT_EQ(invlpgs(0), 4) << "two pages on two vCPUs";
    EXPECT_EQ(invlpgs(1), 0);
}

TEST_F(MeasureShootdown, PhasesAreMeasuredWhenAskedFor) {
    const auto phases_in = [](const json& report) {
        return std::ranges::count_if(report["measurements"], [](const json& measurement) {
            return measurement["name"].get<std::string>().starts_with("phase ");
        });
    };
    EXPECT_EQ(phases_in(measured({"--pages", "1", "--target", "user", "--samples", "3"})), 0);
    EXPECT_GT(
        phases_in(measured({"--pages", "1", "--target", "user", "--samples", "3", "--phases"})), 3);
}

TEST_F(MeasureShootdown, SoaksAndCounts) {
    const ProcessResult result = nestbed({"measure", "shootdown", "--soak", "1", "--seed", "7",
                                          "--format", "json", "--output", path("out.json")});
    EXPECT_EQ(result.exit_code, success) << result.out << result.err;
    EXPECT_THAT(result.out, HasSubstr("stale, legal  violations\n"));
    const json report = json::parse(contents(path("out.json")));
    EXPECT_EQ(report["tests"][0]["parameters"]["seed"], 7);
    const json outcome = shootdowns(report).at(0)["outcome"];
    EXPECT_EQ(outcome["violations"], 0);
    for (const char* count : {"maps", "remaps", "protects", "unmaps", "accesses"}) {
        EXPECT_GT(outcome[count], 0) << count;
    }
}

TEST_F(MeasureShootdown, NamesTheCrossover) {
    const ProcessResult result =
        nestbed({"measure", "shootdown", "--crossover", "--flush", "cr3,pge", "--samples", "5",
                 "--format", "json", "--output", path("out.json")});
    EXPECT_EQ(result.exit_code, success) << result.out << result.err;
    EXPECT_THAT(result.out, HasSubstr("by page / full\n"));
    EXPECT_THAT(result.out, HasSubstr("a full flush (cr3) is "));
    EXPECT_THAT(result.out, HasSubstr("a full flush (pge) is "));
    EXPECT_THAT(result.out, HasSubstr("Linux flushes everything above 33 pages"));
    EXPECT_EQ(json::parse(contents(path("out.json")))["crossovers"][1]["linux"], 33);
}

TEST_F(MeasureShootdown, CtrlCEndsEveryMode) {
    for (const std::vector<std::string>& mode : std::vector<std::vector<std::string>>{
             {"--soak", "50"}, {"--samples", "10000000", "--target", "hlt", "--pages", "1"}}) {
        std::vector<std::string> command{NESTBED_PROGRAM, "measure",  "shootdown",     "--format",
                                         "json",          "--output", path("out.json")};
        command.insert(command.end(), mode.begin(), mode.end());
        Process process(command);
        wait_for_output(process, "timings here");
        std::this_thread::sleep_for(100ms);
        process.send(SIGINT);
        const ProcessResult result = process.wait();
        EXPECT_EQ(result.exit_code, interrupted) << result.err;
        EXPECT_THAT(result.out, HasSubstr("interrupted: 1 of 1 run did not finish"));
        EXPECT_EQ(json::parse(contents(path("out.json")))["interrupted"], true);
    }
}

TEST_F(MeasureShootdown, AGuestRefusesAProtocolThatItDoesNotKnow) {
    const ProcessResult result =
        nestbed({"run", "measure_shootdown", "--filter", "measure_shootdown.latency", "--set",
                 fmt::format("protocol={}", shootdown::protocol_count), "--set", "samples=1"});
    EXPECT_EQ(result.exit_code, test_failed);
    EXPECT_THAT(result.out, HasSubstr("an expectation failed"));
}

TEST_F(MeasureShootdown, ACombinationThatEndsInATimeoutFails) {
    const ProcessResult result = nestbed({"measure", "shootdown", "--pages", "1", "--target",
                                          "spin", "--samples", "10000000", "--timeout", "0.2"});
    EXPECT_EQ(result.exit_code, test_failed);
    EXPECT_THAT(result.out,
                HasSubstr("failed: global, 2 vCPUs, 1 page, target spin: no end after"));
}

}  // namespace
}  // namespace nestbed::test
