// What a launch costs: nestbed beside the floor, a bare program that makes the same ioctls for the
// same guest (bare_vm.h). Both run boot.empty to its end. The two take turns, so that whatever else
// the host does meets both alike, and medians are compared.

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/snapshot.hpp"
#include "vmm/builtin_guests.hpp"
#include "vmm/channel/record_reader.hpp"
#include "vmm/error.hpp"
#include "vmm/machine/machine.hpp"
#include "vmm/runner/test_runner.hpp"

namespace nestbed::bench {

namespace {

using Clock = std::chrono::steady_clock;

/// The whole programs must stay within this ratio.
constexpr double limit = 1.5;

const vmm::Guest& boot_guest() {
    static const vmm::Guest guest = [] {
        const auto builtins = vmm::builtin_guests();
        const auto boot = std::ranges::find(builtins, "boot", &vmm::BuiltinGuest::name);
        return vmm::Guest(std::string(boot->name), boot->file);
    }();
    return guest;
}

const vmm::GuestTest& empty_test() {
    return *std::ranges::find(boot_guest().tests(), "empty", &vmm::GuestTest::name);
}

vmm::MachineSettings machine_settings() {
    vmm::MachineSettings settings;
    settings.memory = vmm::TestSettings{}.memory;
    return settings;
}

/// The guest as Machine prepares it, in memory and as a file that a child can open.
class Snapshot {
  public:
    explicit Snapshot(const kvm::System& system) {
        const vmm::Machine machine(system, boot_guest(), empty_test(), machine_settings());
        bytes_ = take_snapshot(boot_guest(), machine);
        file_ = ::memfd_create("snapshot", 0);
        if (file_ < 0 ||
            ::write(file_, bytes_.data(), bytes_.size()) != static_cast<ssize_t>(bytes_.size())) {
            throw std::runtime_error("cannot write the snapshot");
        }
    }

    const snapshot* get() const { return reinterpret_cast<const snapshot*>(bytes_.data()); }
    /// As a child names it, which inherits the descriptor.
    std::string path() const { return fmt::format("/proc/self/fd/{}", file_); }

  private:
    std::vector<std::byte> bytes_;
    int file_ = -1;  // open until the process ends
};

void run_bare(const Snapshot& snapshot) {
    if (bare_vm_run(snapshot.get()) != 0) {
        throw std::runtime_error("the bare VM failed");
    }
}

void run_machine(const kvm::System& system) {
    vmm::Machine machine(system, boot_guest(), empty_test(), machine_settings());
    vmm::RecordReader records(machine);
    const vmm::Outcome outcome =
        machine.run([&](std::uint32_t cpu) { records.drain(cpu); }, std::chrono::seconds(10), {});
    if (outcome.ending != vmm::Ending::finished || !records.finish().empty()) {
        throw std::runtime_error("boot.empty failed: " + outcome.detail);
    }
}

/// Runs a program to its end, without its output.
void run_program(std::vector<std::string> command) {
    std::vector<char*> arguments;
    for (std::string& word : command) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t child = 0;
    const int error =
        ::posix_spawn(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    int status = 0;
    if (error != 0 || ::waitpid(child, &status, 0) != child || status != 0) {
        throw std::runtime_error(command[0] + " failed");
    }
}

template <typename Action>
double milliseconds(const Action& action) {
    const auto start = Clock::now();
    action();
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    return *middle;
}

/// Runs the two in turn, each first every other time; the benchmark's own time is nestbed's.
/// Returns nestbed's median over the floor's, 0 if one of them failed.
template <typename Floor, typename Nestbed>
double compare(benchmark::State& state, const Floor& floor, const Nestbed& nestbed) {
    std::vector<double> floor_times;
    std::vector<double> nestbed_times;
    try {
        floor();
        nestbed();
        for ([[maybe_unused]] auto _ : state) {
            const bool floor_first = floor_times.size() % 2 == 0;
            if (floor_first) {
                floor_times.push_back(milliseconds(floor));
            }
            nestbed_times.push_back(milliseconds(nestbed));
            if (!floor_first) {
                floor_times.push_back(milliseconds(floor));
            }
            state.SetIterationTime(nestbed_times.back() / 1000);
        }
    } catch (const std::exception& error) {
        state.SkipWithError(error.what());
        return 0;
    }
    const double ratio = median(nestbed_times) / median(floor_times);
    state.counters["bare_ms"] = median(floor_times);
    state.counters["nestbed_ms"] = median(nestbed_times);
    state.counters["ratio"] = ratio;
    return ratio;
}

/// Why no VM can be made here; empty if one can.
std::string kvm_objection() {
    try {
        const kvm::System system;
        return {};
    } catch (const vmm::Error& error) {
        return error.what();
    }
}

int run_benchmarks() {
    if (const std::string objection = kvm_objection(); !objection.empty()) {
        fmt::print("launch: skipped: {}\n", objection);
        return 0;
    }
    const kvm::System system;
    const Snapshot snapshot(system);
    vmm::VcpuThread::install_kick_handler();
    double ratio = 0;
    benchmark::RegisterBenchmark("launch/in_one_process",
                                 [&](benchmark::State& state) {
                                     compare(
                                         state, [&] { run_bare(snapshot); },
                                         [&] { run_machine(system); });
                                 })
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond)
        ->Iterations(200);
    benchmark::RegisterBenchmark(
        "launch/whole_program",
        [&](benchmark::State& state) {
            ratio = compare(
                state,
                [&] {
                    run_program({BARE_LAUNCH_PROGRAM, snapshot.path()});
                },
                [&] {
                    run_program({NESTBED_PROGRAM, "run", "boot", "--filter", "boot.empty"});
                });
        })
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond)
        ->Iterations(200);
    benchmark::RunSpecifiedBenchmarks();
    if (ratio != 0) {
        fmt::print(
            "launch: `nestbed run` of boot.empty takes {:.2f} times as long as the bare "
            "program, of {:.1f} allowed: {}\n",
            ratio, limit, ratio <= limit ? "good" : "TOO MUCH");
    }
    return 0;
}

}  // namespace

}  // namespace nestbed::bench

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
        return 2;
    }
    return nestbed::bench::run_benchmarks();
}
