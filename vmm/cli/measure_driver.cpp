#include "vmm/cli/measure_driver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "vmm/base/error.hpp"
#include "vmm/base/output_file.hpp"
#include "vmm/base/text.hpp"
#include "vmm/cli/console.hpp"
#include "vmm/cli/interrupt.hpp"
#include "vmm/host/describe.hpp"
#include "vmm/render/host_text.hpp"
#include "vmm/render/json.hpp"
#include "vmm/render/progress.hpp"
#include "vmm/run/calibrate.hpp"
#include "vmm/run/guest_set.hpp"
#include "vmm/run/test_runner.hpp"

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

struct Finished {
    std::vector<TestResult> results;    ///< of the first runs
    std::optional<Error> not_possible;  ///< why the next one could not be made, if that ended it
};

/// One run after the other, until all are done, one cannot be made, or `stop` is requested.
Finished run_all(const kvm::System& system, const MeasurePlan& plan, bool memory_report,
                 const std::stop_token& stop) {
    const Guest guest = read_builtin(plan.guest);
    const Stopwatch watch;
    const bool wants_hypercalls = std::ranges::any_of(plan.runs, &MeasureRun::wants_hypercalls);
    const std::uint64_t hypercalls = wants_hypercalls && hypercalls_come_back(system, stop) ? 1 : 0;
    ProgressLine progress;
    std::vector<TestResult> results;
    for (const MeasureRun& run : plan.runs) {
        progress.show(progress_text(results.size(), plan.runs.size(), watch.seconds(), run.text));
        TestSettings settings = run.settings;
        settings.memory_report = memory_report;
        if (run.wants_hypercalls) {
            settings.parameters.emplace_back("hypercalls", hypercalls);
        }
        results.push_back(run_test(system, guest, guest.test_named(run.test), settings, stop));
        if (const auto error = results.back().error) {
            results.pop_back();
            return {std::move(results),
                    Error(error->kind(), fmt::format("{}: {}", run.text, error->what()))};
        }
        if (results.back().interrupted) {
            results.pop_back();
            break;
        }
    }
    return {std::move(results), {}};
}

std::uint32_t most_cpus(const MeasurePlan& plan) {
    return std::ranges::max_element(plan.runs, {},
                                    [](const auto& run) { return run.settings.cpus; })
        ->settings.cpus;
}

/// Success if no run failed and one at least passed.
ExitCode measure(const MeasurePlan& plan, const ReportOptions& options,
                 const std::vector<std::string>& command_line) {
    std::optional<OutputFile> output;
    if (!options.output.empty()) {
        output.emplace(options.output);
    }
    const kvm::System system;
    refuse_too_many_cpus(system, most_cpus(plan));
    VcpuThread::install_kick_handler();
    const InterruptWatcher interrupts;

    RunReport report;
    report.command = command_line;
    report.host = describe_host(&system);
    report.calibration = calibrate(system, interrupts.token());
    const std::string head = calibration_text(*report.host, *report.calibration) + "\n";
    const Format format =
        options.format.value_or(format_by_name(options.output).value_or(Format::human));
    const bool human = output || format == Format::human;
    if (human) {
        print(head);
    }
    const Stopwatch watch;
    Finished finished = run_all(system, plan, format == Format::json, interrupts.token());
    if (finished.not_possible && finished.results.empty()) {
        throw Error(*finished.not_possible);
    }
    report.tests = std::move(finished.results);
    report.seconds = watch.seconds();
    report.not_finished = plan.runs.size() - report.tests.size();
    report.interrupted = report.not_finished != 0 && !finished.not_possible;
    plan.conclude(report);
    std::string text = plan.text(report.tests);
    if (report.interrupted) {
        text += fmt::format("interrupted: {} of {} did not finish\n", report.not_finished,
                            counted(plan.runs.size(), "combination"));
    }
    if (finished.not_possible) {
        text += fmt::format("ended before {} of {}\n", report.not_finished,
                            counted(plan.runs.size(), "combination"));
    }
    if (human) {
        print(text);
    }
    if (output) {
        output->write(format == Format::json ? json_report(report) : head + text);
    } else if (!human) {
        print(json_report(report));
    }
    if (finished.not_possible) {
        throw Error(*finished.not_possible);
    }
    return exit_code_of(report);
}

}  // namespace

void call_measure(Invocation& invocation, const ReportOptions& options,
                  const std::function<MeasurePlan()>& make_plan) {
    if (!options.output.empty()) {
        invocation.outputs = {options.output};
    }
    invocation.action = [options, make_plan, command_line = invocation.command_line] {
        return measure(make_plan(), options, command_line);
    };
}

}  // namespace nestbed::vmm
