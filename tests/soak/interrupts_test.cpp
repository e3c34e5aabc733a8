// Ctrl-C for the whole program at any moment: it ends with the exit code that says so, what it has
// found until then is in its reports, and none of its processes is left.
//
// NESTBED_SOAK_INTERRUPTS: how many. NESTBED_SOAK_SEED: of what is random about them.

#include <gmock/gmock.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "tests/soak/amount.hpp"
#include "tests/vmm/cli_test.hpp"

namespace nestbed::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr std::array signals{SIGINT, SIGTERM, SIGHUP};

class Interrupts : public WithKvm {
  protected:
    static void SetUpTestSuite() {
        WithKvm::SetUpTestSuite();
        // Whoever has lost its parent becomes a child of this process, and is seen.
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);
        // A shell has those that it starts in the background ignore SIGINT, and those that they
        // start: it would be lost before the program listens.
        for (const int signal : signals) {
            ::signal(signal, SIG_DFL);
        }
    }
};

/// What was killed with the program may still be on its way out.
bool is_any_process_left() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (std::chrono::steady_clock::now() < deadline) {
        if (::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

TEST_F(Interrupts, EndTheProgramWithItsReportsAndAllOfItsProcesses) {
    const std::uint64_t interrupts = amount("NESTBED_SOAK_INTERRUPTS", 20);
    const std::array<std::vector<std::string>, 5> runs{
        {{"run", "crash", "--filter", "crash.hang*", "--timeout", "3600"},
         {"run", "crash", "--filter", "crash.hang*", "--timeout", "3600", "--jobs", "4"},
         {"run", "boot", "--until-fail", "--jobs", "3"},
         {"run", "boot", "--filter", "boot.empty", "--until-fail", "--no-sandbox"},
         {"run", "boot", "--filter", "boot.empty", "--repeat", "3"}}};
    std::mt19937_64 random(seed());
    std::uint64_t unheard = 0;
    std::uint64_t done = 0;
    for (std::uint64_t n = 0; n < interrupts; ++n) {
        constexpr std::uint64_t latest = 500'000;
        const std::chrono::microseconds delay(n * latest / interrupts + random() % 1000);
        std::vector<std::string> command{NESTBED_PROGRAM};
        const auto& run = runs.at(random() % runs.size());
        command.insert(command.end(), run.begin(), run.end());
        command.insert(command.end(), {"--output", path("out.json")});
        const int signal = signals.at(random() % signals.size());
        const std::string text =
            fmt::format("interrupt {} of seed {}: {}, signal {} after {} us", n, seed(),
                        testing::PrintToString(command), signal, delay.count());
        // What is killed for hanging, or with this process, takes it along.
        Process program(command, [] { ::prctl(PR_SET_PDEATHSIG, SIGKILL); });
        std::this_thread::sleep_for(delay);
        program.send(signal);
        const ProcessResult result = program.wait(std::chrono::minutes(2));
        ASSERT_FALSE(is_any_process_left()) << text;
        if (result.signal == signal) {
            // Before it was the program at all, or listened: nothing has begun.
            EXPECT_EQ(result.out, "") << text;
            ++unheard;
        } else {
            ASSERT_THAT(result.exit_code, testing::AnyOf(success, interrupted))
                << text << " ended it with signal " << result.signal << "\n"
                << result.err;
            const json report = json::parse(contents(path("out.json")));
            const bool is_done = report["interrupted"] == false;
            ASSERT_EQ(result.exit_code, is_done ? success : interrupted) << text << result.err;
            EXPECT_TRUE(!is_done || report["not_finished"] == 0) << text;
            done += is_done ? 1 : 0;
        }
        std::filesystem::remove(path("out.json"));
        ASSERT_TRUE(folder_is_empty()) << text;
    }
    fmt::print("  {} interrupts: {} before the program listened, {} when it was done\n", interrupts,
               unheard, done);
    EXPECT_LT(unheard + done, interrupts / 2);
}

}  // namespace
}  // namespace nestbed::test
