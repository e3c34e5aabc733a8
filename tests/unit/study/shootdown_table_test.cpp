#include "vmm/study/shootdown_table.hpp"

#include <gmock/gmock.h>

#include "tests/unit/result/samples.hpp"

namespace nestbed::vmm {
namespace {

using shootdown::FlushPrimitive;
using shootdown::InitiatorSpaces;
using shootdown::ProtocolId;
using shootdown::Routing;
using shootdown::TargetState;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

ShootdownResult measured(std::uint64_t pages, std::initializer_list<std::uint64_t> cycles) {
    TestResult result = test::passed("measure_shootdown", "latency");
    result.measurements = {{"shootdown", "cycles", {}, test::histogram_of(cycles)}};
    return {{.pages = pages}, result};
}

void add(ShootdownResult& result, const char* name, std::initializer_list<std::uint64_t> cycles) {
    result.test.measurements.push_back({name, "cycles", {}, test::histogram_of(cycles)});
}

TEST(ShootdownTable, HasARowForEachCombination) {
    EXPECT_EQ(
        shootdown_table({measured(1, {2000}), measured(16, {20000, 20000})}),
        "                                         ------------ cycles -------------  "
        "-------------- µs ---------------\n"
        "protocol  vCPUs  pages  target  samples    min    p50    p90    p99    max    min    p50"
        "    p90    p99    max\n"
        "global        2      1  user          1   2000   2000   2000   2000   2000   1.00   1.00"
        "   1.00   1.00   1.00\n"
        "global        2     16  user          2  20000  20000  20000  20000  20000  10.00  10.00"
        "  10.00  10.00  10.00\n");
}

TEST(ShootdownTable, TheRowIsTheMeasurementOfThatName) {
    ShootdownResult result = measured(1, {3000});
    result.test.measurements.insert(result.test.measurements.begin(),
                                    {"something else", "cycles", {}, test::histogram_of({1})});
    EXPECT_THAT(shootdown_table({result}), HasSubstr(" 3000 "));
}

TEST(ShootdownTable, ComparesWithABareRoundTripOfTheSameRun) {
    ShootdownResult interrupted = measured(1, {3000});
    add(interrupted, "bare ipi round trip", {2000});
    ShootdownResult polled = measured(2, {3000});
    add(polled, "bare cache line round trip", {1000});
    const std::string text = shootdown_table({interrupted, polled, measured(4, {3000})});
    EXPECT_THAT(text, HasSubstr("target  /bare  samples"));
    EXPECT_THAT(text, HasSubstr("global        2      1  user     1.50        1 "));
    EXPECT_THAT(text, HasSubstr("global        2      2  user     3.00        1 "));
    EXPECT_THAT(text, HasSubstr("global        2      4  user                 1 "));
    EXPECT_EQ(over_bare_round_trip(measured(1, {3000}).test), std::nullopt);
    EXPECT_EQ(over_bare_round_trip(interrupted.test), 1.5);
}

TEST(ShootdownTable, SamplesWithoutStealAreARowOfTheirOwn) {
    ShootdownResult result = measured(1, {2000, 90000});
    add(result, "shootdown without steal", {2000});
    add(result, "initiator's part", {1000, 1000});
    const std::string text = shootdown_table({result});
    EXPECT_THAT(text, HasSubstr("\nglobal                  2      1  user          2  2000 "));
    EXPECT_THAT(text, HasSubstr("\n  without steal                                 1  2000 "));
    EXPECT_THAT(text, HasSubstr("\n  initiator's part                              2  1000 "));
}

TEST(ShootdownTable, PhasesAreATableOfTheirOwn) {
    ShootdownResult result = measured(1, {2000});
    EXPECT_THAT(shootdown_table({result}), Not(HasSubstr("phase")));
    add(result, "phase send", {100});
    add(result, "phase target's flush", {200});
    const std::string text = shootdown_table({result});
    EXPECT_THAT(text, HasSubstr("target  phase           samples"));
    EXPECT_THAT(text, HasSubstr("global        2      1  user    send                  1  100 "));
    EXPECT_THAT(text, HasSubstr("user    target's flush        1  200 "));
}

TEST(ShootdownTable, AnAxisIsAColumnWhenItIsUsed) {
    ShootdownResult other = measured(1, {2000});
    other.combination.routing = Routing::cluster;
    other.combination.initiators = 2;
    other.combination.spaces = InitiatorSpaces::disjoint;
    const std::string text = shootdown_table({measured(1, {2000}), other});
    EXPECT_THAT(text, HasSubstr("target  routing  initiators  spaces    samples"));
    EXPECT_THAT(text, HasSubstr("user    unicast           1  same            1 "));
    EXPECT_THAT(text, HasSubstr("user    cluster           2  disjoint        1 "));
}

TEST(ShootdownTable, AFailedProofIsALineAndNoRow) {
    ShootdownResult wrong = measured(1, {1000});
    wrong.test = test::failed("measure_shootdown", "latency");
    wrong.test.measurements = measured(1, {1000}).test.measurements;
    const std::string text = shootdown_table({wrong, measured(16, {2000})});
    EXPECT_THAT(text,
                HasSubstr("failed: global, 2 vCPUs, 1 page, target user: an expectation failed\n"));
    EXPECT_THAT(text, HasSubstr("expected a == b"));
    EXPECT_EQ(text.find("global        2      1 "), std::string::npos) << text;
}

TEST(ShootdownTable, ASkippedCombinationHasItsReason) {
    const ShootdownResult result{{.protocol = ProtocolId::early_ack,
                                  .cpus = 8,
                                  .pages = 2,
                                  .target = TargetState::hlt,
                                  .flush = FlushPrimitive::cr3},
                                 test::skipped("measure_shootdown", "latency", "too small")};
    EXPECT_EQ(shootdown_table({result}),
              "skipped: early-ack, 8 vCPUs, 2 pages, target hlt, flush cr3: too small\n");
}

TEST(ShootdownTable, AGuestThatSendsNothingHasFailed) {
    const ShootdownResult result{{.target = TargetState::hlt},
                                 test::passed("measure_shootdown", "latency")};
    EXPECT_THAT(shootdown_table({result}), HasSubstr("the guest sent no measurement"));
}

// KVM's counts.

TEST(KvmCountsTable, HasTheCountersThatMovedInSomeRow) {
    ShootdownResult one = measured(1, {2000});
    one.test.kvm_counts = {10, 10, {{"exits", 4.25}, {"halt_wakeup", 3}, {"invlpg", 0.001}}, ""};
    ShootdownResult two = measured(16, {2000});
    two.test.kvm_counts = {10, 10, {{"exits", -0.5}, {"tlb_flush", 2}}, ""};
    const std::string text = shootdown_table({one, two});
    EXPECT_THAT(text.substr(text.find("\n\n") + 2),
                StartsWith("                                 KVM's counts per shootdown\n"
                           "protocol  vCPUs  pages  target  exits  tlb_flush\n"
                           "global        2      1  user     4.25       0.00\n"
                           "global        2     16  user    -0.50       2.00\n"));
}

TEST(KvmCountsTable, SaysWhyThereIsNone) {
    ShootdownResult result = measured(1, {2000});
    EXPECT_THAT(shootdown_table({result}), Not(HasSubstr("KVM")));
    result.test.kvm_counts.problem = "no such file";
    EXPECT_THAT(shootdown_table({result}), HasSubstr("\nno counts of KVM's: no such file\n"));
}

}  // namespace
}  // namespace nestbed::vmm
