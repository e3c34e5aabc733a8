// nestbed measure shootdown: the latency of TLB shootdowns, each with the proof that none was
// missed.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>

#include "vmm/cli/command.hpp"
#include "vmm/cli/console.hpp"
#include "vmm/cli/interrupt.hpp"
#include "vmm/cli/shootdown_modes.hpp"
#include "vmm/cli/shootdown_options.hpp"
#include "vmm/host/calibrate.hpp"
#include "vmm/host/describe.hpp"
#include "vmm/report/host_text.hpp"
#include "vmm/report/json.hpp"
#include "vmm/report/measurements.hpp"
#include "vmm/report/output_file.hpp"
#include "vmm/report/progress.hpp"
#include "vmm/report/text.hpp"
#include "vmm/runner/guest_set.hpp"

namespace nestbed::vmm {

namespace {

class Stopwatch {
  public:
    double seconds() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    }

  private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// A measurement without its proof is none, whatever the guest makes of it.
void fail_on_violations(TestResult& result) {
    for (const MeasurementEvent& measurement : result.measurements) {
        const std::uint64_t violations = number_named(measurement, "violations").value_or(0);
        if (violations != 0 && result.verdict == Verdict::passed) {
            result.verdict = Verdict::failed;
            result.reason = counted(violations, "violation");
        }
    }
}

/// One run after the other, until all are done or `stop` is requested.
std::vector<TestResult> run_all(const kvm::System& system, const ShootdownMode& mode,
                                bool memory_report, const std::stop_token& stop) {
    const Guest guest = read_builtin(shootdown_guest);
    const GuestTest& test = shootdown_test(guest, mode.test);
    const Stopwatch watch;
    const bool wants_hypercalls = std::ranges::any_of(mode.runs, &ShootdownRun::wants_hypercalls);
    const std::uint64_t hypercalls =
        wants_hypercalls && hypercalls_come_back(system, guest, stop) ? 1 : 0;
    ProgressLine progress;
    std::vector<TestResult> results;
    for (const ShootdownRun& run : mode.runs) {
        progress.show(progress_text(results.size(), mode.runs.size(), watch.seconds(), run.text));
        TestSettings settings = run.settings;
        settings.memory_report = memory_report;
        settings.parameters.emplace_back("hypercalls", hypercalls);
        TestResult result = run_test(system, guest, test, settings, stop);
        if (result.interrupted) {
            break;
        }
        fail_on_violations(result);
        results.push_back(std::move(result));
    }
    return results;
}

std::uint32_t most_cpus(const ShootdownMode& mode) {
    return std::ranges::max_element(mode.runs, {},
                                    [](const auto& run) { return run.settings.cpus; })
        ->settings.cpus;
}

ExitCode verdict_of(const RunReport& report) {
    const Summary summary = report.summary();
    if (report.interrupted) {
        return ExitCode::interrupted;
    }
    return summary.failed == 0 && summary.passed != 0 ? ExitCode::success : ExitCode::test_failed;
}

ExitCode measure_shootdown(const ShootdownOptions& options,
                           const std::vector<std::string>& command_line) {
    const ShootdownMode mode = shootdown_mode(options);
    std::optional<OutputFile> output;
    if (!options.output.empty()) {
        output.emplace(options.output);
    }
    const kvm::System system;
    refuse_too_many_cpus(system, most_cpus(mode));
    VcpuThread::install_kick_handler();
    const InterruptWatcher interrupts;

    RunReport report;
    report.command = command_line;
    report.host = describe_host(&system);
    report.calibration = calibrate(system, interrupts.token());
    const std::string head = calibration_text(*report.host, *report.calibration) + "\n";
    const Format format = options.format.value_or(format_by_name(options.output));
    const bool human = output || format == Format::human;
    if (human) {
        print(head);
    }
    const Stopwatch watch;
    report.tests = run_all(system, mode, format == Format::json, interrupts.token());
    report.seconds = watch.seconds();
    report.not_finished = mode.runs.size() - report.tests.size();
    report.interrupted = report.not_finished != 0;
    mode.conclude(report);
    std::string text = mode.text(report.tests);
    if (report.interrupted) {
        text += fmt::format("interrupted: {} of {} did not finish\n", report.not_finished,
                            counted(mode.runs.size(), "combination"));
    }
    if (human) {
        print(text);
    }
    if (output) {
        output->write(format == Format::json ? json_report(report) : head + text);
    } else if (!human) {
        print(json_report(report));
    }
    return verdict_of(report);
}

}  // namespace

void add_measure_shootdown(CLI::App& measure, Invocation& invocation) {
    auto options = std::make_shared<ShootdownOptions>();
    CLI::App* command = measure.add_subcommand(
        "shootdown", "The latency of TLB shootdowns, with proof that none was missed");
    add_shootdown_options(command, *options);
    command->footer(shootdown_help() + exit_code_help);
    command->callback([options, &invocation] {
        if (!options->output.empty()) {
            invocation.outputs = {options->output};
        }
        invocation.action = [options, command_line = invocation.command_line] {
            return measure_shootdown(*options, command_line);
        };
    });
}

}  // namespace nestbed::vmm
