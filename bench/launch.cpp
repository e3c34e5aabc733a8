// What a launch costs: nestbed beside the floor, a bare program that makes the same ioctls for the
// same guest (bare_vm.h). Both run boot.empty to its end. The two take turns, so that whatever else
// the host does meets both alike, and medians are compared.

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/run_benchmarks.hpp"
#include "bench/snapshot.hpp"
#include "vmm/base/error.hpp"
#include "vmm/channel/record_reader.hpp"
#include "vmm/loader/guest.hpp"
#include "vmm/platform/machine.hpp"
#include "vmm/run/test_runner.hpp"

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
    arguments.reserve(command.size() + 1);
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

/// Of one launch, in milliseconds. Wall-clock time is what the user waits, most of it for KVM;
/// processor time is what the program does.
struct Cost {
    double wall;
    double processor;
};

/// `who` as of getrusage(2): RUSAGE_SELF, or RUSAGE_CHILDREN for those that were waited for.
double processor_milliseconds(int who) {
    rusage usage{};
    ::getrusage(who, &usage);
    const auto milliseconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) * 1000 + static_cast<double>(time.tv_usec) / 1000;
    };
    return milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime);
}

template <typename Action>
Cost cost_of(int who, const Action& action) {
    const double processor = processor_milliseconds(who);
    const auto start = Clock::now();
    action();
    const std::chrono::duration<double, std::milli> wall = Clock::now() - start;
    return {wall.count(), processor_milliseconds(who) - processor};
}

std::vector<double> sorted(const std::vector<Cost>& costs, double Cost::*part) {
    std::vector<double> values;
    values.reserve(costs.size());
    for (const Cost& cost : costs) {
        values.push_back(cost.*part);
    }
    std::ranges::sort(values);
    return values;
}

double median(const std::vector<Cost>& costs, double Cost::*part) {
    return sorted(costs, part)[costs.size() / 2];
}

/// Without the lowest and the highest tenth.
double mean(const std::vector<Cost>& costs, double Cost::*part) {
    const std::vector<double> values = sorted(costs, part);
    const auto outliers = static_cast<std::ptrdiff_t>(values.size() / 10);
    const double sum = std::accumulate(values.begin() + outliers, values.end() - outliers, 0.0);
    return sum / static_cast<double>(values.end() - values.begin() - 2 * outliers);
}

/// Runs the two in turn, each first every other time; the benchmark's own time is nestbed's.
/// Returns nestbed's mean over the floor's, 0 if one of them failed.
template <typename Floor, typename Nestbed>
double compare(benchmark::State& state, int who, const Floor& floor, const Nestbed& nestbed) {
    std::vector<Cost> floor_costs;
    std::vector<Cost> nestbed_costs;
    try {
        floor();
        nestbed();
        for ([[maybe_unused]] auto _ : state) {
            const bool floor_first = floor_costs.size() % 2 == 0;
            if (floor_first) {
                floor_costs.push_back(cost_of(who, floor));
            }
            nestbed_costs.push_back(cost_of(who, nestbed));
            if (!floor_first) {
                floor_costs.push_back(cost_of(who, floor));
            }
            state.SetIterationTime(nestbed_costs.back().wall / 1000);
        }
    } catch (const std::exception& error) {
        state.SkipWithError(error.what());
        return 0;
    }
    const double ratio = mean(nestbed_costs, &Cost::wall) / mean(floor_costs, &Cost::wall);
    state.counters["bare_ms"] = mean(floor_costs, &Cost::wall);
    state.counters["bare_median_ms"] = median(floor_costs, &Cost::wall);
    state.counters["bare_cpu_ms"] = mean(floor_costs, &Cost::processor);
    state.counters["nestbed_ms"] = mean(nestbed_costs, &Cost::wall);
    state.counters["nestbed_median_ms"] = median(nestbed_costs, &Cost::wall);
    state.counters["nestbed_cpu_ms"] = mean(nestbed_costs, &Cost::processor);
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

}  // namespace

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
                                         state, RUSAGE_SELF, [&] { run_bare(snapshot); },
                                         [&] { run_machine(system); });
                                 })
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond)
        ->Iterations(200);
    benchmark::RegisterBenchmark(
        "launch/whole_program",
        [&](benchmark::State& state) {
            ratio = compare(
                state, RUSAGE_CHILDREN,
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

}  // namespace nestbed::bench
