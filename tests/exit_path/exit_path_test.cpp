// While a guest waits for its VMM, the VMM allocates no memory and takes no lock.

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>

#include "tests/exit_path/between_runs.hpp"
#include "tests/vmm/kvm_test.hpp"
#include "tests/vmm/study_run.hpp"
#include "vmm/channel/record_reader.hpp"
#include "vmm/run/test_runner.hpp"

namespace nestbed::vmm {
namespace {

using nestbed::test::BetweenRuns;
using nestbed::test::take_between_runs;
using test::GuestAndTest;

class ExitPathTest : public test::KvmTest {
  protected:
    void SetUp() override {
        test::KvmTest::SetUp();
        take_between_runs();
    }

    TestResult run(const char* guest, const char* test) {
        const GuestAndTest chosen(guest, test);
        TestSettings settings;
        settings.statistics = true;
        TestResult result = run_test(system(), chosen.guest, chosen.test, settings, {});
        EXPECT_EQ(result.verdict, Verdict::passed) << result.reason << "\n" << result.diagnosis;
        return result;
    }
};

TEST_F(ExitPathTest, NothingIsAllocatedAndNoLockIsTaken) {
    const TestResult result = run("channel", "every_call_that_returns");
    // It did all that it is there for.
    EXPECT_EQ(result.measurements.size(), result.cpus);
    EXPECT_EQ(result.log.size(), std::size_t{100} * result.cpus);
    EXPECT_GE(result.kvm_counts.operations, 10U);
    const BetweenRuns between = take_between_runs();
    EXPECT_GE(between.times, 50U);
    EXPECT_EQ(between.allocations, 0U);
    EXPECT_EQ(between.locks, 0U);
}

TEST_F(ExitPathTest, NorForWhatKvmHasAnswered) {
    for (const std::string& kind : test::names_of_axis("hypercall", "kind")) {
        const TestResult result =
            test::run_study(system(), "hypercall", {{"--kind", kind}, {"--samples", "200"}}).test;
        EXPECT_NE(result.verdict, Verdict::failed) << kind << ": " << result.reason;
        const BetweenRuns between = take_between_runs();
        EXPECT_GT(between.times, 0U) << kind;
        EXPECT_EQ(between.allocations, 0U) << kind;
        EXPECT_EQ(between.locks, 0U) << kind;
    }
}

// That the counting counts: a handler that does both.

TEST_F(ExitPathTest, AHandlerThatDoesEitherIsFound) {
    const GuestAndTest chosen("channel", "every_call_that_returns");
    MachineSettings settings;
    settings.cpus = 2;
    settings.memory = 64 << 20;
    settings.test_memory.bytes = 2 << 20;
    Machine machine(system(), chosen.guest, chosen.test, settings);
    RecordReader records(machine);
    std::mutex mutex;
    std::atomic<std::uint64_t> doorbells = 0;
    const Outcome outcome = machine.run(
        [&](std::uint32_t cpu) {
            const std::lock_guard lock(mutex);
            const std::string longer_than_a_string_holds(100, static_cast<char>(cpu));
            doorbells += longer_than_a_string_holds.size() / 100;
            records.drain(cpu);
        },
        std::chrono::seconds(60), {});
    EXPECT_EQ(outcome.ending, Ending::finished) << outcome.detail;
    const BetweenRuns between = take_between_runs();
    EXPECT_GT(doorbells.load(), 0U);
    EXPECT_EQ(between.allocations, doorbells.load());
    EXPECT_EQ(between.locks, doorbells.load());
}

}  // namespace
}  // namespace nestbed::vmm
