#include "vmm/run/test_runner.hpp"

#include <fmt/format.h>

#include <csignal>

#include "vmm/base/error.hpp"
#include "vmm/base/stopwatch.hpp"
#include "vmm/base/text.hpp"
#include "vmm/machine/host_cpus.hpp"
#include "vmm/pc/cpu_model.hpp"
#include "vmm/result/warnings.hpp"
#include "vmm/run/needed_machine.hpp"
#include "vmm/run/test_in_vm.hpp"
#include "vmm/run/vm_process.hpp"
#include "vmm/services/dirty_log.hpp"

namespace nestbed::vmm {

namespace {

using std::chrono::milliseconds;

double seconds_of(milliseconds time) { return std::chrono::duration<double>(time).count(); }

TestResult known_before(const GuestTest& test, const TestSettings& settings) {
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
    return result;
}

/// The guest has its timeout in there. What comes before and after it takes a moment, longer where
/// the host is an emulated one.
VmProcessLimits limits_of(const GuestTest& test, const TestSettings& settings,
                          std::uint64_t memory) {
    constexpr std::chrono::minutes around_the_guest(1);
    constexpr std::uint64_t populated_in_a_second = 100U << 20;  // on a slow host
    const std::chrono::seconds to_populate(
        settings.backing.prefault ? memory / populated_in_a_second : 0);
    constexpr std::chrono::seconds for_a_diagnosis(20);
    const std::optional<milliseconds> first =
        settings.inspect ? std::nullopt
                         : std::optional<milliseconds>(timeout_of(test, settings) +
                                                       around_the_guest + to_populate);
    return {.first = first, .next = for_a_diagnosis};
}

/// How a process came to its end that should have said more, for a sentence.
std::string end_text(const VmProcessOutcome& outcome, const VmProcessLimits& limits, bool is_next) {
    if (outcome.end == VmProcessEnd::out_of_time) {
        const auto limit = is_next ? limits.next : limits.first;
        return fmt::format("took more than {:.0f} s", limit ? seconds_of(*limit) : 0);
    }
    if (outcome.error) {
        return fmt::format("failed: {}", outcome.error->what());
    }
    return outcome.signal == SIGKILL
               ? "was killed from outside (SIGKILL), as the kernel does when memory runs out"
               : fmt::format("died of {}", outcome.how);
}

/// What comes of a test whose process has not done all that it should.
void take_end(TestResult& result, const ReceivedResult& received, const VmProcessOutcome& outcome,
              const VmProcessLimits& limits) {
    const std::string text = end_text(outcome, limits, received.is_there());
    if (received.is_there()) {
        if (received.lacks_debug_information()) {
            result.diagnosis += fmt::format(
                "{}(without the debug information of the guest's file: the process "
                "that read it {})",
                result.diagnosis.empty() ? "" : "\n", text);
            return;
        }
        if (outcome.end == VmProcessEnd::out_of_time) {
            return;  // of all that it had to say nothing is missing
        }
    }
    result.verdict = Verdict::failed;
    if (outcome.error) {
        result.error = outcome.error;
        result.reason = outcome.error->what();
        return;
    }
    result.reason = fmt::format("the process of its VM {}", text);
    const bool is_of_memory = outcome.signal == SIGKILL;
    if (!is_of_memory) {
        result.error.emplace(
            outcome.end == VmProcessEnd::out_of_time ? ErrorKind::kernel_refused : ErrorKind::ours,
            result.reason);
    }
}

TestResult skipped(TestResult result, const std::string& reason) {
    result.verdict = Verdict::skipped;
    result.reason = reason;
    return result;
}

/// `run` is what is done in the process.
TestResult run_in_process_of_vm(const TestResult& known, const kvm::System& system,
                                const TestSettings& settings, const VmProcessLimits& limits,
                                const std::stop_token& stop,
                                const std::function<void(const Send&)>& run) {
    ReceivedResult received(known, settings.serial);
    TestResult& result = received.result();
    const VmProcessOutcome outcome = run_in_process(
        [&](const VmProcessReport& report) {
            forget_environment();
            leave_descriptors({system.descriptor(), report.descriptor()});
            run([&](const std::string& message) { report.send(message); });
        },
        [&](const std::string& message) { return received.take(message); }, limits, stop);
    if (outcome.end == VmProcessEnd::interrupted) {
        result.interrupted = true;
    } else if (outcome.end != VmProcessEnd::done || !received.is_there()) {
        take_end(result, received, outcome, limits);
    }
    return std::move(result);
}

/// Why there is no such processor; empty if there is one.
std::string objection_to_cpu(const CpuModel& model, const kvm::System& system) {
    try {
        static_cast<void>(cpuid_of(model, system.supported_cpuid(), 0, 1, nullptr));
        return "";
    } catch (const Error& error) {
        return error.what();
    }
}

TestResult run_foreign(const TestResult& known, const kvm::System& system, const Guest& guest,
                       const GuestTest& test, const TestSettings& settings,
                       const std::stop_token& stop) {
    const PcSettings pc = needed_pc(test, settings, system);
    if (const std::string objection = objection_to_cpu(pc.cpu, system); !objection.empty()) {
        return skipped(known, objection);
    }
    return run_in_process_of_vm(
        known, system, settings, limits_of(test, settings, pc.memory), stop, [&](const Send& send) {
            run_in_pc(known, system, *guest.multiboot(), pc, test, settings, send);
        });
}

TestResult run_ours(const TestResult& known, const kvm::System& system, const Guest& guest,
                    const GuestTest& test, const TestSettings& settings,
                    const std::stop_token& stop) {
    const MachineSettings machine = needed_machine(test, settings, system);
    if (const auto objection = objection_to(machine.dirty_logging, system)) {
        return skipped(known, *objection);
    }
    TestResult result = run_in_process_of_vm(
        known, system, settings,
        limits_of(test, settings, machine.memory + machine.test_memory.bytes), stop,
        [&](const Send& send) { run_in_vm(known, system, guest, test, machine, settings, send); });
    if (result.memory) {
        result.memory->guest_memory.pool = found_pool(machine.backing);
        if (result.memory->test_memory) {
            result.memory->test_memory->pool = found_pool(machine.backing);
        }
    }
    return result;
}

}  // namespace

TestResult run_test(const kvm::System& system, const Guest& guest, const GuestTest& test,
                    const TestSettings& settings, const std::stop_token& stop) {
    const Stopwatch watch;
    TestResult result = known_before(test, settings);
    try {
        result = !test.skip_reason.empty() ? skipped(result, test.skip_reason)
                 : test.pc ? run_foreign(result, system, guest, test, settings, stop)
                           : run_ours(result, system, guest, test, settings, stop);
    } catch (const UnmetNeed& need) {
        result.verdict = Verdict::failed;
        result.reason = need.text;
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
