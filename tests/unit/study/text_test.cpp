// What `nestbed measure` prints of each study.

#include <gmock/gmock.h>

#include "runs.hpp"
#include "vmm/result/measurements.hpp"

namespace nestbed::vmm {
namespace {

using test::measured;
using test::point_at;
using test::run_at;
using test::study_with;
using testing::AllOf;
using testing::ContainsRegex;
using testing::DoubleEq;
using testing::HasSubstr;
using testing::Not;
using testing::Optional;
using testing::StartsWith;

// Shootdowns.

StudyRun shootdown(const char* pages, std::vector<MeasurementEvent> measurements,
                   test::OptionTexts more = {}) {
    more.insert(more.end(), {{"--pages", pages}});
    if (std::ranges::count(more, "--target", &test::OptionTexts::value_type::first) == 0) {
        more.emplace_back("--target", "user");
    }
    return run_at(point_at("shootdown", more), std::move(measurements));
}

std::string shootdown_text(const StudyRuns& runs) {
    return study_text(study_with("shootdown"), runs);
}

TEST(ShootdownText, HasARowForEachPoint) {
    EXPECT_EQ(
        shootdown_text({shootdown("1", {measured("shootdown", {2000})}),
                        shootdown("16", {measured("shootdown", {20000, 20000})})}),
        "                                         ---------- cycles -----------  "
        "-------------- time ---------------\n"
        "protocol  vCPUs  pages  target  samples    min    p50  p90  p99    max      min      p50"
        "  p90  p99      max\n"
        "global        2      1  user          1   2000      -    -    -   2000  1.00 µs        -"
        "    -    -  1.00 µs\n"
        "global        2     16  user          2  20000  20000    -    -  20000  10.0 µs  10.0 µs"
        "    -    -  10.0 µs\n");
}

MeasurementEvent hundred(const char* name, std::uint64_t value) {
    MeasurementEvent event = measured(name, {});
    for (int n = 0; n < 100; ++n) {
        event.histogram.record(value);
    }
    return event;
}

TEST(ShootdownText, WarningsStandAboveTheTableAndBesideTheirRow) {
    MeasurementEvent stolen = hundred("shootdown", 3000);
    stolen.parameters.push_back({"stolen_from", std::uint64_t{84}, true});
    MeasurementEvent floor = measured("bare ipi round trip", {100, 200, 1000, 2000, 3000});
    StudyRun run = shootdown("1", {stolen, measured("shootdown without steal", {2000}), floor});
    run.test.cpus = 4;
    run.test.host_cpus = 2;
    relate(study_with("shootdown"), run);
    const std::string text = shootdown_text({run});
    EXPECT_THAT(text, StartsWith("! stolen (1 row): "));
    EXPECT_THAT(text, HasSubstr("\n! not side by side (2 rows): "));
    EXPECT_THAT(text, HasSubstr("\n! disturbed (1 row): "));
    EXPECT_THAT(text, HasSubstr("  84 % stolen, 4 vCPUs on 2 cores, unsteady floor\n"));
    EXPECT_THAT(text, ContainsRegex("\n  without steal +2.00 +1 ")) << "with its ratio";
}

TEST(ShootdownText, NothingIsMarkedWhereThereIsNothingToSay) {
    StudyRun run = shootdown("1", {hundred("shootdown", 3000)});
    run.test.cpus = 2;
    run.test.host_cpus = 2;
    relate(study_with("shootdown"), run);
    EXPECT_THAT(shootdown_text({run}), Not(HasSubstr("!")));
}

TEST(ShootdownText, TheRowIsTheMeasurementOfThatName) {
    EXPECT_THAT(shootdown_text({shootdown(
                    "1", {measured("something else", {1}), measured("shootdown", {3000})})}),
                HasSubstr(" 3000 "));
}

TEST(ShootdownText, ComparesWithABareRoundTripOfTheSameRun) {
    const std::string text = shootdown_text(
        {shootdown("1", {measured("shootdown", {3000}), measured("bare ipi round trip", {2000})}),
         shootdown("2",
                   {measured("shootdown", {3000}), measured("bare cache line round trip", {1000})}),
         shootdown("4", {measured("shootdown", {3000})})});
    EXPECT_THAT(text, HasSubstr("target  /bare  samples"));
    EXPECT_THAT(text, HasSubstr("global        2      1  user     1.50        1 "));
    EXPECT_THAT(text, HasSubstr("global        2      2  user     3.00        1 "));
    EXPECT_THAT(text, HasSubstr("global        2      4  user        -        1 "));
}

TEST(ShootdownText, CompanionsAreRowsOfTheirOwn) {
    const std::string text = shootdown_text({shootdown(
        "1", {measured("shootdown", {2000, 90000}), measured("shootdown without steal", {2000}),
              measured("initiator's part", {1000, 1000})})});
    EXPECT_THAT(text, HasSubstr("\nglobal                  2      1  user          2  2000 "));
    EXPECT_THAT(text, HasSubstr("\n  without steal                                 1  2000 "));
    EXPECT_THAT(text, HasSubstr("\n  initiator's part                              2  1000 "));
}

TEST(ShootdownText, PhasesAreATableOfTheirOwn) {
    EXPECT_THAT(shootdown_text({shootdown("1", {measured("shootdown", {2000})})}),
                Not(HasSubstr("phase")));
    const std::string text = shootdown_text(
        {shootdown("1", {measured("shootdown", {2000}), measured("phase send", {100}),
                         measured("phase target's flush", {200})})});
    EXPECT_THAT(text, HasSubstr("target  phase           samples"));
    EXPECT_THAT(text, HasSubstr("global        2      1  user    send                  1  100 "));
    EXPECT_THAT(text, HasSubstr("user    target's flush        1  200 "));
}

TEST(ShootdownText, AnAxisIsAColumnWhenItIsUsed) {
    const std::string text = shootdown_text(
        {shootdown("1", {measured("shootdown", {2000})}),
         shootdown("1", {measured("shootdown", {2000})},
                   {{"--routing", "cluster"}, {"--initiators", "2"}, {"--spaces", "disjoint"}})});
    EXPECT_THAT(text, HasSubstr("target  routing  initiators  spaces    samples"));
    EXPECT_THAT(text, HasSubstr("user    unicast           1  same            1 "));
    EXPECT_THAT(text, HasSubstr("user    cluster           2  disjoint        1 "));
}

TEST(ShootdownText, AFailedProofIsALineAndNoRow) {
    StudyRun wrong = shootdown("1", {measured("shootdown", {1000})});
    const auto measurements = wrong.test.measurements;
    wrong.test = test::failed("measure_shootdown", "latency");
    wrong.test.measurements = measurements;
    const std::string text =
        shootdown_text({wrong, shootdown("16", {measured("shootdown", {2000})})});
    EXPECT_THAT(text,
                HasSubstr("failed: global, 2 vCPUs, 1 page, target user: an expectation failed\n"));
    EXPECT_THAT(text, HasSubstr("expected a == b"));
    EXPECT_EQ(text.find("global        2      1 "), std::string::npos) << text;
}

TEST(ShootdownText, ASkippedPointHasItsReason) {
    StudyRun small = shootdown(
        "2", {},
        {{"--protocol", "early-ack"}, {"--cpus", "8"}, {"--target", "hlt"}, {"--flush", "cr3"}});
    small.test = test::skipped("measure_shootdown", "latency", "too small");
    EXPECT_EQ(shootdown_text({small}),
              "skipped: early-ack, 8 vCPUs, 2 pages, target hlt, flush cr3: too small\n");
    EXPECT_EQ(shootdown_text({small, small, small}),
              "skipped: early-ack, 8 vCPUs, 2 pages, target hlt, flush cr3, and 2 more: "
              "too small\n");
}

// KVM's counts.

TEST(KvmCounts, AreThoseThatMovedInSomeRow) {
    StudyRun one = shootdown("1", {measured("shootdown", {2000})});
    one.test.kvm_counts = {10, 10, {{"exits", 4.25}, {"halt_wakeup", 3}, {"invlpg", 0.001}}, ""};
    StudyRun two = shootdown("16", {measured("shootdown", {2000})});
    two.test.kvm_counts = {10, 10, {{"exits", -0.5}, {"tlb_flush", 2}}, ""};
    const std::string text = shootdown_text({one, two});
    EXPECT_THAT(text.substr(text.find("\n\n") + 2),
                StartsWith("                                 KVM's counts per shootdown\n"
                           "protocol  vCPUs  pages  target  exits  tlb_flush\n"
                           "global        2      1  user     4.25       0.00\n"
                           "global        2     16  user    -0.50       2.00\n"));
}

TEST(KvmCounts, SayWhyThereAreNone) {
    StudyRun run = shootdown("1", {measured("shootdown", {2000})});
    EXPECT_THAT(shootdown_text({run}), Not(HasSubstr("KVM")));
    run.test.kvm_counts.problem = "no such file";
    EXPECT_THAT(shootdown_text({run}), HasSubstr("\nno counts of KVM's: no such file\n"));
}

// Soaks.

StudyRun soak(std::uint64_t stale, std::uint64_t violations) {
    StudyRun run = run_at(point_at("shootdown", {{"--soak", "5"}, {"--cpus", "4"}}),
                          {measured("shootdown", {2000},
                                    {{"maps", std::uint64_t{11}},
                                     {"remaps", std::uint64_t{22}},
                                     {"protects", std::uint64_t{33}},
                                     {"unmaps", std::uint64_t{44}},
                                     {"accesses", std::uint64_t{5000}},
                                     {"faults", std::uint64_t{66}},
                                     {"stale_reads", stale}})});
    run.test.measurements[0].proof = channel::Proof{.checks = 5000, .violations = violations};
    run.test.seconds = 5.06;
    if (violations != 0) {
        run.test.verdict = Verdict::failed;
        run.test.reason = "violations";
    }
    return run;
}

std::string soak_text(const StudyRuns& runs) {
    return study_text(study_with("shootdown", {{"--soak", "5"}}), runs);
}

TEST(SoakText, ViolationsAndLegalStaleReadsStandApart) {
    EXPECT_EQ(soak_text({soak(7, 0)}),
              "                          --------- operations ---------  "
              "---------- seen by the readers -----------\n"
              "protocol  vCPUs  seconds  maps  remaps  protects  unmaps  "
              "accesses  faults  stale, legal  violations\n"
              "global        4      5.1    11      22        33      44   "
              "   5000      66             7           0\n");
}

TEST(SoakText, ViolationsAreARowAndALine) {
    EXPECT_THAT(soak_text({soak(7, 2)}),
                AllOf(HasSubstr("  5000      66             7           2\n"),
                      HasSubstr("failed: global, 4 vCPUs: violations")));
}

// Faults.

StudyRun stores(const char* rung, std::uint64_t cycles) {
    return run_at(point_at("fault", {{"--rung", rung}}),
                  {measured("store", {cycles, cycles, cycles})});
}

std::string fault_text(const StudyRuns& runs) { return study_text(study_with("fault"), runs); }

TEST(FaultText, SetsEachRungBesideTheHit) {
    const std::string text =
        fault_text({stores("unmapped", 30), stores("hit", 20), stores("discarded", 50)});
    EXPECT_THAT(text, ContainsRegex("\nunmapped +1.5 +3 +30 "));
    EXPECT_THAT(text, ContainsRegex("\nhit +1.0 +3 +20 "));
    EXPECT_THAT(text, ContainsRegex("\ndiscarded +2.5 +3 +50 "));
}

TEST(FaultText, HasNoRatioWithoutTheHitOfTheSameKind) {
    EXPECT_THAT(fault_text({stores("unmapped", 30)}), ContainsRegex("\nunmapped +3 +30 "));
    StudyRun hit = stores("hit", 20);
    hit.test.verdict = Verdict::failed;
    EXPECT_THAT(fault_text({hit, stores("unmapped", 30)}),
                AllOf(ContainsRegex("\nunmapped +3 +30 "), HasSubstr("failed: hit")));
    const StudyRun other = run_at(point_at("fault", {{"--rung", "hit"}, {"--backing", "memfd"}}),
                                  {measured("store", {20})});
    EXPECT_THAT(fault_text({other, stores("unmapped", 30)}),
                ContainsRegex("\nunmapped +anon +- +3 +30 "));
}

TEST(FaultText, HasTheMovesBelowTheirRung) {
    StudyRun moved = stores("moved", 40);
    moved.test.measurements.push_back(measured("move", {28, 28}));
    EXPECT_THAT(fault_text({stores("hit", 20), moved}),
                ContainsRegex("\nmoved +2.0 +3 +40 .*\n  each move +2 +28 "));
}

// Calls.

StudyRun calls(const char* kind, std::uint64_t cycles, std::uint64_t bare) {
    return run_at(point_at("hypercall", {{"--kind", kind}}),
                  {measured("hypercall", {cycles, cycles, cycles},
                            {{"answered_by", "user space"},
                             {"mode", "kernel"},
                             {"per_sample", std::uint64_t{16}},
                             {"empty_pair", std::uint64_t{25}},
                             {"counted", std::uint64_t{32}},
                             {"exits_of_counted", std::uint64_t{8}}}),
                   measured("bare loop", {bare, bare, bare}, {{"floor", "same exit"}})});
}

std::string hypercall_text(const StudyRuns& runs) {
    return study_text(study_with("hypercall"), runs);
}

TEST(HypercallText, HasARowForEachKind) {
    const std::string text = hypercall_text({calls("port", 3000, 2000), calls("mmio", 4000, 4000)});
    EXPECT_THAT(text, ContainsRegex("port +user space +kernel +0.25 +1.50 +same exit +16 +25 +3 "
                                    "+3000"));
    EXPECT_THAT(text, ContainsRegex("mmio +user space +kernel +0.25 +1.00"));
    EXPECT_THAT(text, Not(HasSubstr("doorbell")));
}

TEST(HypercallText, JudgesTheDoorbellByItsBar) {
    EXPECT_THAT(hypercall_text({calls("port", 9, 1), calls("doorbell", 1040, 1000)}),
                HasSubstr("\ndoorbell: /bare is 1.04, of 1.05 allowed: good\n"));
    EXPECT_THAT(hypercall_text({calls("doorbell", 1100, 1000)}),
                HasSubstr("\ndoorbell: /bare is 1.10, of 1.05 allowed: TOO MUCH\n"));
}

TEST(RatioOfMedians, IsFinerThanABucket) {
    // 1024 to 1055 are one bucket: two fifths into it, and half.
    const StudyRun run = run_at(point_at("hypercall", {{"--kind", "port"}}),
                                {measured("hypercall", {1000, 1024, 1055, 1055, 1055, 1055}),
                                 measured("bare loop", {1024, 1055, 1055, 1055})});
    EXPECT_THAT(ratio_of_medians(run.test, "hypercall", "bare loop"),
                Optional(DoubleEq((1024 + 32 * 0.4) / (1024 + 32 * 0.5))));
    EXPECT_EQ(ratio_of_medians(run.test, "hypercall", "nothing"), std::nullopt);
}

// Dirty logs.

/// A phase over 1000 pages; a cycle is half a nanosecond.
MeasurementEvent phase(const char* name, std::uint64_t cycles, std::uint64_t missing = 0) {
    return measured(
        name, {cycles},
        {{"pages", std::uint64_t{1000}}, {"ring_full", std::uint64_t{3}}, {"missing", missing}});
}

StudyRun logged(std::vector<MeasurementEvent> phases) {
    return run_at(
        point_at("dirty-log", {{"--log", "bitmap"}, {"--memory", "16M"}, {"--cpus", "2"}}),
        std::move(phases));
}

std::string dirty_log_text(const StudyRuns& runs) {
    return study_text(study_with("dirty-log"), runs);
}

TEST(DirtyLogText, HasTheTimeOfAPageInEachPhase) {
    EXPECT_THAT(
        dirty_log_text(
            {logged({phase("populate", 32768), phase("enable", 16), phase("dirty", 8192)})}),
        ContainsRegex(
            "bitmap +16 MiB +2 +strided +32.8 +0.0 +8.2 +16.4 ns +0.01 ns +4.10 ns +3 +0\n"));
}

TEST(DirtyLogText, ShowsAFailedRunWithItsMissingPagesAndItsReason) {
    StudyRun run = logged({phase("dirty", 8192, 7)});
    run.test.verdict = Verdict::failed;
    run.test.reason = "7 violations";
    EXPECT_THAT(
        dirty_log_text({run}),
        AllOf(ContainsRegex(" 8.2 +4.10 ns +3 +7\n"),
              HasSubstr("failed: bitmap, memory 16 MiB, 2 vCPUs, pattern strided: 7 violations")));
}

}  // namespace
}  // namespace nestbed::vmm
