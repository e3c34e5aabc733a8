// A VM stops whatever its vCPUs do, and whenever the stop comes: from before its threads are there,
// through their start and their way into KVM_RUN, to long inside.
//
// NESTBED_SOAK_STOPS: how many. NESTBED_SOAK_SEED: of what is random about them.

#include <algorithm>
#include <array>
#include <chrono>
#include <random>
#include <thread>
#include <vector>

#include "tests/soak/amount.hpp"
#include "tests/soak/hang_watch.hpp"
#include "tests/soak/usage.hpp"
#include "tests/vmm/kvm_test.hpp"
#include "vmm/channel/record_reader.hpp"
#include "vmm/platform/machine.hpp"

namespace nestbed::vmm {
namespace {

using std::chrono::microseconds;
using test::GuestAndTest;
using Clock = std::chrono::steady_clock;

enum class Way { token, timeout, token_and_timeout, before_the_run };

struct Stop {
    std::size_t guest;
    std::uint32_t cpus;
    Way way;
    microseconds delay;  ///< behind the moment when the run begins
    bool counts;         ///< what KVM does, and calls that it answers: descriptors and a thread
};

std::string text_of(const Stop& stop, std::uint64_t n) {
    return fmt::format("stop {} of seed {}: guest {}, {} vCPUs, way {}, {} us", n,
                       nestbed::test::seed(), stop.guest, stop.cpus, static_cast<int>(stop.way),
                       stop.delay.count());
}

/// Does not sleep, which would take fifty microseconds at least.
void wait_until(Clock::time_point moment) {
    while (Clock::now() < moment) {
        std::this_thread::yield();
    }
}

class MachineStops : public test::KvmTest {
  protected:
    MachineStops() : random_(nestbed::test::seed()) {}

    /// The `n`th moment of a sweep in steps of a microsecond, or a random one.
    Stop stop(std::uint64_t n) {
        constexpr std::uint64_t swept = 4000;
        constexpr std::uint64_t latest = 20'000;
        return {.guest = random_() % guests_.size(),
                .cpus = 1 + static_cast<std::uint32_t>(random_() % 8),
                .way = static_cast<Way>(random_() % 4),
                .delay = microseconds(n % 2 == 0 ? n / 2 % swept : random_() % latest),
                .counts = random_() % 4 == 0};
    }

    Outcome run(const Stop& wanted) {
        const GuestAndTest& chosen = guests_[wanted.guest];
        MachineSettings settings;
        settings.cpus = std::max(wanted.cpus, chosen.test.needs.cpus);
        settings.memory = 64U << 20;
        settings.ring_records = 1;
        settings.statistics = wanted.counts;
        settings.exitless_calls = wanted.counts;
        const bool by_time = wanted.way == Way::timeout || wanted.way == Way::token_and_timeout;
        constexpr std::chrono::hours any_time(1);
        const std::chrono::milliseconds timeout =
            by_time ? std::chrono::ceil<std::chrono::milliseconds>(wanted.delay) : any_time;
        std::stop_source source;
        if (wanted.way == Way::before_the_run) {
            source.request_stop();
        }
        Machine machine(system(), chosen.guest, chosen.test, settings);
        RecordReader records(machine);
        std::jthread stopper;
        if (wanted.way == Way::token || wanted.way == Way::token_and_timeout) {
            stopper = std::jthread([&, begin = Clock::now()] {
                wait_until(begin + wanted.delay);
                source.request_stop();
            });
        }
        Outcome outcome = machine.run([&](std::uint32_t cpu) { records.drain(cpu); }, timeout,
                                      source.get_token());
        static_cast<void>(records.finish());
        return outcome;
    }

  private:
    std::mt19937_64 random_;
    // They spin, in kernel and in user mode, halt, are in a loop of KVM_RUN alone, ring at each
    // record, start other vCPUs, and have them interrupt each other.
    std::array<GuestAndTest, 7> guests_{GuestAndTest("crash", "hang"),
                                        GuestAndTest("crash", "hang_in_user_mode"),
                                        GuestAndTest("crash", "hang_halted"),
                                        GuestAndTest("crash", "hang_in_bare_loop"),
                                        GuestAndTest("channel", "smallest_rings_all_cpus_at_once"),
                                        GuestAndTest("boot", "every_cpu_has_its_own_state"),
                                        GuestAndTest("shootdown", "by_the_shorthand")};
};

TEST_F(MachineStops, EndEveryRunAndLeaveNothing) {
    const std::uint64_t stops = nestbed::test::amount("NESTBED_SOAK_STOPS", 250);
    nestbed::test::HangWatch watch;
    std::vector<nestbed::test::Usage> samples;
    std::array<std::uint64_t, 3> endings{};  // interrupted, timed out, finished before
    for (std::uint64_t n = 0; n < stops; ++n) {
        const Stop wanted = stop(n);
        watch.begin(text_of(wanted, n));
        const Outcome outcome = run(wanted);
        switch (outcome.ending) {
            case Ending::interrupted:
                ++endings[0];
                break;
            case Ending::timed_out:
                ++endings[1];
                break;
            case Ending::finished:
                ++endings[2];
                break;
            default:
                FAIL() << text_of(wanted, n) << ": " << outcome.detail;
        }
        if (n % 10 == 0) {
            samples.push_back(nestbed::test::usage_of_this_process());
        }
    }
    fmt::print("  {} stopped, {} out of time, {} were done before\n", endings[0], endings[1],
               endings[2]);
    EXPECT_GT(endings[0], stops / 4);
    EXPECT_GT(endings[1], stops / 10);
    expect_flat(samples, (64U << 10) + samples.size() * sizeof(nestbed::test::Usage) * 2);
}

}  // namespace
}  // namespace nestbed::vmm
