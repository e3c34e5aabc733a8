// A test's process ends when a stop is requested, at any moment from its fork to its last words,
// and when the guest's time is up, which the process sees to by itself. None is left behind.
//
// NESTBED_SOAK_PROCESS_STOPS: how many. NESTBED_SOAK_SEED: of what is random about them.

#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <random>
#include <thread>
#include <vector>

#include "tests/soak/amount.hpp"
#include "tests/soak/hang_watch.hpp"
#include "tests/soak/usage.hpp"
#include "tests/vmm/kvm_test.hpp"
#include "vmm/run/test_runner.hpp"

namespace nestbed::vmm {
namespace {

using std::chrono::microseconds;
using test::GuestAndTest;
using testing::HasSubstr;

class ProcessStops : public test::KvmTest {
  protected:
    TestResult run(const GuestAndTest& chosen, std::uint32_t cpus,
                   std::optional<std::chrono::milliseconds> timeout, const std::stop_token& stop) {
        TestSettings settings;
        settings.cpus = cpus;
        // Longer than the watch waits: a stop that gets lost does not end by itself.
        settings.timeout = timeout.value_or(std::chrono::hours(1));
        return run_test(system(), chosen.guest, chosen.test, settings, stop);
    }

    const std::array<GuestAndTest, 4> hanging_{
        GuestAndTest("crash", "hang"), GuestAndTest("crash", "hang_in_user_mode"),
        GuestAndTest("crash", "hang_halted"), GuestAndTest("crash", "hang_in_bare_loop")};
    const GuestAndTest passing_{"boot", "empty"};
};

TEST_F(ProcessStops, EndEveryTestAndLeaveNoProcess) {
    const std::uint64_t stops = nestbed::test::amount("NESTBED_SOAK_PROCESS_STOPS", 100);
    nestbed::test::HangWatch watch;
    std::mt19937_64 random(nestbed::test::seed());
    std::vector<nestbed::test::Usage> samples;
    std::uint64_t stopped = 0;
    for (std::uint64_t n = 0; n < stops; ++n) {
        constexpr std::uint64_t swept = 15'000;  // past what a launch takes, in steps of 10 us
        const microseconds delay(n % 2 == 0 ? n * 5 % swept : random() % swept);
        const auto cpus = static_cast<std::uint32_t>(1 + random() % 4);
        const std::size_t guest = random() % hanging_.size();
        const std::uint64_t way = random() % 4;
        const std::string text =
            fmt::format("stop {} of seed {}: guest {}, {} vCPUs, way {}, {} us", n,
                        nestbed::test::seed(), guest, cpus, way, delay.count());
        watch.begin(text);
        std::stop_source source;
        const std::jthread stopper([&] {
            std::this_thread::sleep_for(delay);
            if (way != 0) {
                source.request_stop();
            }
        });
        if (way == 0) {
            const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(delay);
            const TestResult result = run(hanging_.at(guest), cpus, timeout, {});
            ASSERT_THAT(result.reason, HasSubstr("--timeout")) << text;
            ASSERT_FALSE(result.error) << text;
        } else if (way == 1) {
            const TestResult result = run(passing_, cpus, {}, source.get_token());
            ASSERT_TRUE(result.interrupted || result.verdict == Verdict::passed)
                << text << ": " << result.reason;
            stopped += result.interrupted ? 1 : 0;
        } else {
            const TestResult result = run(hanging_.at(guest), cpus, {}, source.get_token());
            ASSERT_TRUE(result.interrupted) << text << ": " << result.reason;
            ++stopped;
        }
        ASSERT_TRUE(::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD)
            << text << ": a process is left";
        if (n % 5 == 0) {
            samples.push_back(nestbed::test::usage_of_this_process());
        }
    }
    fmt::print("  {} stopped of {}, the others timed out or were done before\n", stopped, stops);
    expect_flat(samples, (64U << 10) + samples.size() * sizeof(nestbed::test::Usage) * 2);
}

}  // namespace
}  // namespace nestbed::vmm
