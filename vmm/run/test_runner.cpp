#include "vmm/run/test_runner.hpp"

#include <algorithm>

#include "vmm/base/error.hpp"
#include "vmm/base/stopwatch.hpp"
#include "vmm/channel/record_reader.hpp"
#include "vmm/diagnose/diagnosis.hpp"
#include "vmm/machine/host_cpus.hpp"
#include "vmm/result/judge.hpp"
#include "vmm/result/warnings.hpp"

namespace nestbed::vmm {

namespace {

std::uint64_t rounded_up(std::uint64_t memory) {
    return (memory + guest_memory_granule - 1) / guest_memory_granule * guest_memory_granule;
}

/// What the page tables that map it take of the guest's own memory; a little more, for the upper
/// levels. So little of little test memory that any guest has it to spare.
std::uint64_t tables_of(const TestMemorySettings& test_memory) {
    constexpr std::uint64_t to_spare = 1 << 20;
    const std::uint64_t entries = test_memory.bytes / paging::bytes_of(test_memory.leaf);
    const std::uint64_t bytes = entries * sizeof(std::uint64_t);
    return bytes < to_spare ? 0 : bytes + bytes / 256;
}

MachineSettings machine_settings(const GuestTest& test, const TestSettings& settings) {
    MachineSettings result = settings;
    result.cpus = cpus_of(test, settings);
    const std::uint64_t memory = std::max(settings.memory, test.needs.memory);
    if (memory > most_guest_memory) {
        throw_error(ErrorKind::usage, "{} asks for {} MiB of memory; {} MiB are possible",
                    test.full_name(), memory >> 20, most_guest_memory >> 20);
    }
    result.test_memory.bytes =
        rounded_up(std::max(settings.test_memory.bytes, test.needs.test_memory));
    result.memory = rounded_up(memory + tables_of(result.test_memory));
    if (test.needs.ring_records != 0) {
        result.ring_records = test.needs.ring_records;
    }
    if (result.dirty_logging.kind == channel::DirtyLogKind::none) {
        result.dirty_logging = test.needs.dirty_logging;
    }
    return result;
}

std::chrono::milliseconds timeout_of(const GuestTest& test, const TestSettings& settings) {
    constexpr std::chrono::seconds by_default(10);
    const std::chrono::seconds with_a_core_each =
        test.needs.timeout == 0 ? by_default : std::chrono::seconds(test.needs.timeout);
    const std::size_t cores = usable_host_cpus().size();
    return settings.timeout.value_or(with_a_core_each *
                                     ((cpus_of(test, settings) + cores - 1) / cores));
}

double seconds_of(std::chrono::milliseconds time) {
    return std::chrono::duration<double>(time).count();
}

void run_in_vm(TestResult& result, const kvm::System& system, const Guest& guest,
               const GuestTest& test, const TestSettings& settings, const std::stop_token& stop) {
    const MachineSettings wanted = machine_settings(test, settings);
    if (const auto objection = objection_to(wanted.dirty_logging, system)) {
        result.verdict = Verdict::skipped;
        result.reason = *objection;
        return;
    }
    Machine machine(system, guest, test, wanted);
    result.tsc_khz = machine.tsc_khz();
    RecordReader records(machine);
    const Outcome outcome = machine.run([&](std::uint32_t cpu) { records.drain(cpu); },
                                        timeout_of(test, settings), stop);
    static_cast<GuestRecords&>(result) = records.finish();
    judge(result, outcome, {settings.expected, test.needs.proof != 0});
    result.kvm_counts = machine.kvm_counts();
    if (settings.memory_report) {
        result.memory = machine.memory_report(system);
    }
    result.interrupted = outcome.ending == Ending::interrupted;
    if (settings.inspect && result.verdict == Verdict::passed) {
        settings.inspect(machine, result, stop);
        result.interrupted = result.interrupted || stop.stop_requested();
    }
    if (outcome.ending != Ending::finished && !result.interrupted) {
        const Diagnosis diagnosis =
            diagnose(machine, guest, outcome, result.log, result.log_left_out);
        result.reason = diagnosis.summary;
        result.diagnosis = diagnosis.report;
        result.brief_diagnosis = diagnosis.brief;
    }
}

}  // namespace

std::uint32_t cpus_of(const GuestTest& test, const TestSettings& settings) {
    return std::max(settings.cpus, test.needs.cpus);
}

void refuse_too_many_cpus(const kvm::System& system, std::uint32_t cpus) {
    const int most = system.extension(KVM_CAP_MAX_VCPUS);
    if (most > 0 && cpus > static_cast<std::uint32_t>(most)) {
        throw_error(ErrorKind::usage, "{} vCPUs: this host's KVM allows at most {}", cpus, most);
    }
}

TestResult run_test(const kvm::System& system, const Guest& guest, const GuestTest& test,
                    const TestSettings& settings, const std::stop_token& stop) {
    const Stopwatch watch;
    TestResult result;
    result.suite = test.suite;
    result.name = test.name;
    result.file = test.file;
    result.line = test.line;
    result.cpus = cpus_of(test, settings);
    result.host_cpus = settings.placement == Placement::one_cpu
                           ? 1
                           : static_cast<std::uint32_t>(usable_host_cpus().size());
    result.parameters = settings.parameters;
    result.timeout = seconds_of(timeout_of(test, settings));
    result.slow_after = settings.slow_after ? seconds_of(*settings.slow_after) : result.timeout / 2;
    try {
        run_in_vm(result, system, guest, test, settings, stop);
    } catch (...) {
        result.error = current_error();
        result.verdict = Verdict::failed;
        result.reason = result.error->what();
    }
    find_warnings(result);
    result.seconds = watch.seconds();
    return result;
}

}  // namespace nestbed::vmm
