// A VM's life: it is stopped whatever its vCPUs do and whenever the stop comes; many vCPUs; little
// and much memory; and what cannot be made is refused.

#include "vmm/platform/machine.hpp"

#include <fmt/format.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <random>
#include <thread>

#include "shared/channel/layout.hpp"
#include "tests/unit/memory/byte_units.hpp"
#include "tests/vmm/kvm_test.hpp"
#include "tests/vmm/port_writer.hpp"
#include "vmm/channel/record_reader.hpp"
#include "vmm/machine/host_cpus.hpp"
#include "vmm/run/test_runner.hpp"

namespace nestbed::vmm {
namespace {

using test::GuestAndTest;
using test::mib;
using testing::HasSubstr;
using testing::IsEmpty;
using Clock = std::chrono::steady_clock;

/// Longer than any stop takes on the slowest of hosts, and shorter than for ever.
constexpr std::chrono::seconds patience{60};

MachineSettings settings_with(std::uint32_t cpus, std::uint64_t memory = 64 * mib) {
    MachineSettings settings;
    settings.cpus = cpus;
    settings.memory = memory;
    return settings;
}

using MachineTest = test::KvmTest;

// Stopping. The guests are those of guest/suites/crash.cpp that never end by themselves.

class StopTest : public test::KvmFixture<testing::TestWithParam<const char*>> {
  protected:
    StopTest() : hang_("crash", GetParam()) {}

    Outcome run(std::uint32_t cpus, std::chrono::milliseconds timeout,
                const std::stop_token& stop) {
        Machine machine(system(), hang_.guest, hang_.test, settings_with(cpus));
        const auto start = Clock::now();
        Outcome outcome = machine.run([](std::uint32_t) {}, timeout, stop);
        EXPECT_LT(Clock::now() - start, timeout + patience);
        return outcome;
    }

  private:
    GuestAndTest hang_;
};

TEST_P(StopTest, ByTheWatchdog) {
    std::mt19937 random(1);
    for (std::uint32_t round = 0; round < 50; ++round) {
        const std::uint32_t cpus = 1 + round % 4;
        const Outcome outcome = run(cpus, std::chrono::milliseconds(random() % 20), {});
        ASSERT_EQ(outcome.ending, Ending::timed_out) << outcome.detail;
        EXPECT_THAT(outcome.detail, HasSubstr("--timeout"));
    }
}

TEST_P(StopTest, AtAnyMoment) {
    std::mt19937 random(2);
    for (std::uint32_t round = 0; round < 50; ++round) {
        const std::uint32_t cpus = 1 + round % 4;
        // From before the threads start, through their way into KVM_RUN, to long inside.
        const std::chrono::microseconds delay(random() % (round % 2 == 0 ? 500 : 10'000));
        std::stop_source stop;
        const std::jthread stopper([&] {
            std::this_thread::sleep_for(delay);
            stop.request_stop();
        });
        const Outcome outcome = run(cpus, patience, stop.get_token());
        ASSERT_EQ(outcome.ending, Ending::interrupted)
            << outcome.detail << ", " << delay.count() << " us, " << cpus << " vCPUs";
    }
}

TEST_P(StopTest, BeforeItBegins) {
    std::stop_source stop;
    stop.request_stop();
    for (std::uint32_t round = 0; round < 50; ++round) {
        ASSERT_EQ(run(1 + round % 4, patience, stop.get_token()).ending, Ending::interrupted);
    }
}

std::string name_of_hang(const testing::TestParamInfo<const char*>& hang) { return hang.param; }

INSTANTIATE_TEST_SUITE_P(Hanging, StopTest,
                         testing::Values("hang", "hang_halted", "hang_in_user_mode"), name_of_hang);

TEST_F(MachineTest, AStopReachesTheBareLoop) {
    const GuestAndTest hang("crash", "hang_in_bare_loop");
    for (int round = 0; round < 10; ++round) {
        Machine machine(system(), hang.guest, hang.test, settings_with(1));
        std::atomic<bool> nearly_there = false;
        std::stop_source stop;
        const std::jthread stopper([&] {
            nearly_there.wait(false);
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            stop.request_stop();
        });
        const Outcome outcome = machine.run(
            [&](std::uint32_t) {
                nearly_there = true;
                nearly_there.notify_one();
            },
            patience, stop.get_token());
        EXPECT_EQ(outcome.ending, Ending::interrupted) << outcome.detail;
    }
}

TEST_F(MachineTest, ADoorbellIsHeardBeforeTheBareLoopAndAfterIt) {
    namespace port = channel::port;
    test::PortWriter program;
    program.write(port::doorbell, 0);
    program.write(port::bare_loop, 1).write(port::doorbell, 0).write(port::nothing, 0);
    program.write(port::bare_loop, 0).write(port::doorbell, 0).write(port::finish, 0);
    const std::vector<std::byte> file = program.file();
    const Guest guest("bare.elf", file);
    Machine machine(system(), guest, guest.tests().front(), settings_with(1));
    int heard = 0;
    const Outcome outcome = machine.run([&](std::uint32_t) { ++heard; }, patience, {});
    EXPECT_EQ(outcome.ending, Ending::finished) << outcome.detail;
    EXPECT_EQ(heard, 2);
}

TEST_F(MachineTest, AKickThatOurParentBlockedStillStops) {
    // A signal mask survives fork and exec, and threads inherit it.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, &all, &before), 0);
    const GuestAndTest hang("crash", "hang");
    TestSettings settings;
    settings.timeout = std::chrono::milliseconds(100);
    const TestResult result = run_test(system(), hang.guest, hang.test, settings, {});
    ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, &before, nullptr), 0);
    EXPECT_THAT(result.reason, HasSubstr("--timeout"));
}

TEST_F(MachineTest, AStoppedVcpuNeverEntersTheGuest) {
    // The one place that a random moment hardly ever hits: behind the look at the stop flag, before
    // KVM_RUN. There the kick is spent in vain, and only this refusal keeps the vCPU out.
    kvm::Vm vm = system().create_vm();
    VcpuThread thread(0, vm.create_vcpu(0, system().vcpu_mapping_size()));
    thread.stop();
    EXPECT_EQ(thread.vcpu().run(), EINTR);
    EXPECT_EQ(thread.vcpu().run(), EINTR) << "and not just once";
}

TEST_F(MachineTest, AStopWhileRecordsFlowLeavesNoGap) {
    const GuestAndTest lines("channel", "smallest_rings_all_cpus_at_once");
    MachineSettings settings = settings_with(4);
    settings.ring_records = 1;
    std::mt19937 random(3);
    for (int round = 0; round < 30; ++round) {
        Machine machine(system(), lines.guest, lines.test, settings);
        RecordReader records(machine);
        const Outcome outcome = machine.run([&](std::uint32_t cpu) { records.drain(cpu); },
                                            std::chrono::milliseconds(random() % 60), {});
        ASSERT_TRUE(outcome.ending == Ending::timed_out || outcome.ending == Ending::finished)
            << outcome.detail;
        std::vector<std::uint32_t> next(4);
        const GuestRecords said = records.finish();
        EXPECT_EQ(said.count, said.log.size());
        for (const std::string& line : said.log) {
            const std::size_t cpu = std::stoul(line.substr(std::string_view("[cpu ").size()));
            EXPECT_EQ(line, fmt::format("[cpu {0}] cpu {0} line {1}", cpu, next.at(cpu)++));
        }
        EXPECT_THAT(said.violations, IsEmpty());
    }
}

TEST_F(MachineTest, MayBeGivenUpBeforeItRuns) {
    const GuestAndTest empty("boot", "empty");
    for (int round = 0; round < 10; ++round) {
        const Machine machine(system(), empty.guest, empty.test, settings_with(4));
    }
}

// Placement.

/// The host CPUs that each vCPU's thread may use, as it sees them itself when it rings.
std::vector<std::vector<std::uint32_t>> affinities(const kvm::System& system, Placement placement) {
    const GuestAndTest lines("channel", "smallest_rings_all_cpus_at_once");
    MachineSettings settings = settings_with(4);
    settings.ring_records = 1;
    settings.placement = placement;
    Machine machine(system, lines.guest, lines.test, settings);
    RecordReader records(machine);
    std::vector<std::vector<std::uint32_t>> result(settings.cpus);
    const Outcome outcome = machine.run(
        [&](std::uint32_t cpu) {
            result[cpu] = usable_host_cpus();  // of the calling thread
            records.drain(cpu);
        },
        patience, {});
    EXPECT_EQ(outcome.ending, Ending::finished) << outcome.detail;
    return result;
}

TEST_F(MachineTest, VcpusRunWhereTheyArePlaced) {
    const std::vector<std::uint32_t> usable = usable_host_cpus();
    for (const Placement placement : {Placement::free, Placement::spread, Placement::one_cpu}) {
        const auto found = affinities(system(), placement);
        for (std::uint32_t cpu = 0; cpu < found.size(); ++cpu) {
            const auto pinned = host_cpu_of(placement, cpu, usable);
            EXPECT_EQ(found[cpu], pinned ? std::vector{*pinned} : usable)
                << "placement " << static_cast<int>(placement) << ", vCPU " << cpu;
        }
    }
}

// Many vCPUs, and little and much memory.

TEST_F(MachineTest, SixtyFourCpus) {
    const GuestAndTest chosen("boot", "every_cpu_has_its_own_state");
    TestSettings settings;
    settings.cpus = channel::max_cpus;
    settings.timeout = std::chrono::seconds(120);
    const TestResult result = run_test(system(), chosen.guest, chosen.test, settings, {});
    EXPECT_EQ(result.verdict, Verdict::passed) << result.reason << "\n" << result.diagnosis;
    EXPECT_EQ(result.cpus, 64U);
}

TEST_F(MachineTest, SixtyFourCpusInTheLeastMemory) {
    const GuestAndTest chosen("boot", "empty");
    TestSettings settings;
    settings.cpus = channel::max_cpus;
    settings.memory = least_guest_memory;
    settings.timeout = std::chrono::seconds(120);
    const TestResult result = run_test(system(), chosen.guest, chosen.test, settings, {});
    EXPECT_EQ(result.verdict, Verdict::passed) << result.reason;
}

TEST_F(MachineTest, FromTheLeastToTheMostMemory) {
    const GuestAndTest chosen("boot", "memory_map_is_usable");
    for (const std::uint64_t memory :
         {least_guest_memory, 10 * mib, 1024 * mib, most_guest_memory}) {
        TestSettings settings;
        settings.memory = memory;
        const TestResult result = run_test(system(), chosen.guest, chosen.test, settings, {});
        EXPECT_EQ(result.verdict, Verdict::passed) << memory / mib << " MiB: " << result.reason;
    }
}

// What cannot be made.

std::string refusal(const kvm::System& system, const Guest& guest,
                    const MachineSettings& settings) {
    try {
        const Machine machine(system, guest, guest.tests().front(), settings);
        return "";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::usage) << error.what();
        return error.what();
    }
}

TEST_F(MachineTest, TooLittleMemory) {
    const GuestAndTest boot("boot", "empty");
    EXPECT_THAT(refusal(system(), boot.guest, settings_with(1, 2 * mib)), HasSubstr("--memory"));
    MachineSettings settings = settings_with(64, 64 * mib);
    settings.ring_records = channel::max_ring_records;
    EXPECT_THAT(refusal(system(), boot.guest, settings), HasSubstr("--memory"));
}

TEST_F(MachineTest, OddMemorySizes) {
    const GuestAndTest boot("boot", "empty");
    for (const std::uint64_t memory :
         {std::uint64_t{0}, std::uint64_t{4096}, 8 * mib + 1, 8 * mib + 4096, 9 * mib,
          most_guest_memory + 2 * mib, ~std::uint64_t{0}, ~std::uint64_t{0} << 21}) {
        EXPECT_THAT(refusal(system(), boot.guest, settings_with(1, memory)), HasSubstr("memory"))
            << memory;
    }
}

TEST_F(MachineTest, ASegmentOutsideGuestMemory) {
    test::ElfBuilder builder;
    builder.data.p_paddr = 32 * mib;
    const std::vector<std::byte> file = builder.file();
    const Guest guest("far.elf", file);
    EXPECT_EQ(refusal(system(), guest, settings_with(1, 64 * mib)), "");
    EXPECT_THAT(refusal(system(), guest, settings_with(1, 16 * mib)),
                testing::AllOf(testing::StartsWith("far.elf: "),
                               HasSubstr("outside the 16 MiB of guest memory")));
}

TEST_F(MachineTest, TooManyOrTooLongParameters) {
    const GuestAndTest boot("boot", "empty");
    MachineSettings settings = settings_with(1);
    settings.parameters.assign(channel::max_boot_parameters, {"name", 1});
    EXPECT_EQ(refusal(system(), boot.guest, settings), "");
    settings.parameters.emplace_back("name", 1);
    EXPECT_THAT(refusal(system(), boot.guest, settings), HasSubstr("at most 32 parameters"));
    settings.parameters = {{std::string(24, 'x'), 1}};
    EXPECT_THAT(refusal(system(), boot.guest, settings), HasSubstr("up to 23 characters"));
}

}  // namespace
}  // namespace nestbed::vmm
