// What a launch costs: nestbed beside the floor, a bare program that makes the same ioctls for the
// same guest (bare_vm.h). Both run boot.empty to its end.

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <stdexcept>

#include "bench/bare_vm.h"
#include "bench/run_benchmarks.hpp"
#include "bench/side_by_side.hpp"
#include "shared/channel/layout.hpp"
#include "shared/channel/ports.hpp"
#include "vmm/base/file.hpp"
#include "vmm/channel/record_reader.hpp"
#include "vmm/loader/guest.hpp"
#include "vmm/platform/machine.hpp"
#include "vmm/run/guest_set.hpp"
#include "vmm/run/test_runner.hpp"

namespace nestbed::bench {

namespace {

/// The whole programs must stay within this ratio (docs/hostile-inputs.md says what it buys). In
/// one process they are within 1.05.
constexpr double limit = 1.6;

constexpr int repetitions = 200;

/// What all contenders return.
constexpr std::uint64_t done = 1;

const vmm::Guest& boot_guest() {
    static const vmm::Guest guest = vmm::read_builtin("boot");
    return guest;
}

vmm::Machine make_machine(const kvm::System& system) {
    return {system, boot_guest(), boot_guest().test_named("empty"), vmm::TestSettings()};
}

/// A `snapshot` and its pages. `machine` has not run yet.
std::string snapshot_of(const vmm::Machine& machine) {
    const vmm::GuestMemory& memory = machine.memory();
    snapshot header{.memory = memory.size(),
                    .entry = boot_guest().image().entry(),
                    .root = machine.boot_root().address().raw(),
                    .boot_info = channel::layout::direct_map + machine.shared_pages().boot_info,
                    .finish_port = channel::port::finish,
                    .page_count = 0};
    std::string pages;
    snapshot_page page{};
    for (; page.physical < memory.size(); page.physical += sizeof page.bytes) {
        std::memcpy(page.bytes, memory.at(page.physical, sizeof page.bytes), sizeof page.bytes);
        if (std::ranges::any_of(page.bytes, [](std::uint8_t byte) { return byte != 0; })) {
            ++header.page_count;
            pages.append(reinterpret_cast<const char*>(&page), sizeof page);
        }
    }
    return std::string(reinterpret_cast<const char*>(&header), sizeof header) + pages;
}

std::uint64_t run_machine(const kvm::System& system) {
    vmm::Machine machine = make_machine(system);
    vmm::RecordReader records(machine);
    const vmm::Outcome outcome =
        machine.run([&](std::uint32_t cpu) { records.drain(cpu); }, std::chrono::seconds(10), {});
    if (outcome.ending != vmm::Ending::finished || records.finish().count != 0) {
        throw std::runtime_error("boot.empty failed: " + outcome.detail);
    }
    return done;
}

/// Runs a program to its end, without its output. The last of its arguments is null.
std::uint64_t run_program(std::vector<const char*> arguments) {
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t child = 0;
    const int error = ::posix_spawn(&child, arguments[0], &actions, nullptr,
                                    const_cast<char**>(arguments.data()), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    int status = 0;
    if (error != 0 || ::waitpid(child, &status, 0) != child || status != 0) {
        throw std::runtime_error(std::string(arguments[0]) + " failed");
    }
    return done;
}

/// Returns nestbed's mean over the floor's, 0 if one of them failed. Wall-clock time is what the
/// user waits, most of it for KVM; processor time is what the program does.
double compare(benchmark::State& state, const std::vector<Contender>& contenders, int who) {
    const std::vector<Costs> costs = run_side_by_side(state, contenders, who);
    if (costs.empty()) {
        return 0;
    }
    for (std::size_t n = 0; n < costs.size(); ++n) {
        const std::string& name = contenders[n].name;
        state.counters[name + "_ms"] = mean(costs[n].wall) * 1000;
        state.counters[name + "_median_ms"] = median(costs[n].wall) * 1000;
        state.counters[name + "_cpu_ms"] = mean(costs[n].processor) * 1000;
    }
    const double ratio = mean(costs[0].wall) / mean(costs[1].wall);
    state.counters["ratio"] = ratio;
    return ratio;
}

}  // namespace

int run_benchmarks() {
    const kvm::System system;
    vmm::VcpuThread::install_kick_handler();
    const std::string snapshot_file = snapshot_of(make_machine(system));
    const vmm::Descriptor file(::memfd_create("snapshot", 0));  // which children inherit
    const std::string path = fmt::format("/proc/self/fd/{}", file.get());
    vmm::write_file(path, snapshot_file);
    const std::vector<Contender> in_one_process{
        {"nestbed", [&] { return run_machine(system); }},
        {"bare", [&] {
             bare_vm_run(reinterpret_cast<const snapshot*>(snapshot_file.data()));
             return done;
         }}};
    const std::vector<Contender> whole_program{
        {"nestbed",
         [] {
             return run_program(
                 {NESTBED_PROGRAM, "run", "boot", "--filter", "boot.empty", nullptr});
         }},
        {"bare", [&] {
             return run_program({BARE_LAUNCH_PROGRAM, path.c_str(), nullptr});
         }}};
    double ratio = 0;
    add_benchmark("launch/in_one_process", benchmark::kMillisecond, repetitions,
                  [&](benchmark::State& state) { compare(state, in_one_process, RUSAGE_SELF); });
    add_benchmark(
        "launch/whole_program", benchmark::kMillisecond, repetitions,
        [&](benchmark::State& state) { ratio = compare(state, whole_program, RUSAGE_CHILDREN); });
    const int status = run_chosen();
    if (ratio != 0) {
        fmt::print(
            "launch: `nestbed run` of boot.empty takes {:.2f} times as long as the bare "
            "program, of {:.2f} allowed: {}\n",
            ratio, limit, ratio <= limit ? "good" : "TOO MUCH");
    }
    return status;
}

}  // namespace nestbed::bench
