// However many tests a process launches, it holds no more at the end than at the begin.
//
// NESTBED_SOAK_LAUNCHES: how many, in each of these tests.

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "tests/program/expectations.hpp"
#include "tests/soak/amount.hpp"
#include "tests/soak/hang_watch.hpp"
#include "tests/soak/usage.hpp"
#include "tests/vmm/cli_test.hpp"
#include "tests/vmm/kvm_test.hpp"
#include "vmm/result/test_results.hpp"
#include "vmm/run/test_runner.hpp"

namespace nestbed::test {
namespace {

std::uint64_t launches() { return amount("NESTBED_SOAK_LAUNCHES", 200); }

class Launches : public vmm::test::KvmTest {};

TEST_F(Launches, LeaveNothingInTheProcessThatLooksOn) {
    const vmm::test::GuestAndTest passing("boot", "empty");
    const vmm::test::GuestAndTest dying("crash", "page_fault");
    vmm::TestSettings settings;
    std::vector<Usage> samples;
    HangWatch watch;
    for (std::uint64_t n = 0; n < launches(); ++n) {
        watch.begin(fmt::format("launch {}", n));
        const bool dies = n % 10 == 9;
        const auto& chosen = dies ? dying : passing;
        const vmm::TestResult result =
            vmm::run_test(system(), chosen.guest, chosen.test, settings, {});
        ASSERT_EQ(result.verdict, dies ? vmm::Verdict::failed : vmm::Verdict::passed)
            << "launch " << n << ": " << result.reason;
        ASSERT_FALSE(result.error) << result.error->what();
        if (n % 10 == 0) {
            samples.push_back(usage_of_this_process());
        }
    }
    // To the byte, but for what a dead guest's diagnosis and this list take.
    expect_flat(samples, (64U << 10) + samples.size() * sizeof(Usage) * 2);
}

class LaunchesOf : public WithKvm {
  public:
    /// Looks at the program while it runs.
    static void expect_flat_run(const std::vector<std::string>& more, std::uint64_t memory) {
        std::vector<std::string> command{
            NESTBED_PROGRAM,           "run", "boot", "--filter", "boot.empty", "--repeat",
            std::to_string(launches())};
        command.insert(command.end(), more.begin(), more.end());
        Process program(command);
        std::vector<Usage> samples;
        const std::chrono::milliseconds between_looks(launches() / 100);
        while (const auto usage = usage_of(program.id())) {
            samples.push_back(*usage);
            std::this_thread::sleep_for(between_looks);
        }
        const ProcessResult result = program.wait();
        EXPECT_EQ(result.exit_code, success) << result.err;
        EXPECT_THAT(result.out, testing::HasSubstr(fmt::format("boot.empty #{} ", launches())));
        expect_flat(samples, memory);
    }

    // What an allocator keeps for itself; of 20,000 launches 26 bytes each.
    static constexpr std::uint64_t of_the_allocator = 512U << 10;
};

// Of these only the last repetition is kept.
TEST_F(LaunchesOf, ALongRunLeaveNothing) { expect_flat_run({"--until-fail"}, of_the_allocator); }
TEST_F(LaunchesOf, ARunSideBySideLeaveNothing) {
    expect_flat_run({"--until-fail", "--jobs", "4"}, of_the_allocator);
}

// Of which all are kept, the first ones in memory.
TEST_F(LaunchesOf, AReportedRunAreKeptInItsFiles) {
    constexpr std::uint64_t of_a_result = 2U << 10;
    expect_flat_run({"--output", path("out.json"), "--output", path("out.xml")},
                    of_the_allocator +
                        std::min(launches() * of_a_result, 3 * vmm::TestResults::bytes_in_memory));
}

}  // namespace
}  // namespace nestbed::test
