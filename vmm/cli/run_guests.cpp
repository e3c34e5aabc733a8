#include "vmm/cli/run_guests.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "vmm/base/sanitizers.hpp"
#include "vmm/base/stopwatch.hpp"
#include "vmm/base/text.hpp"
#include "vmm/cli/console.hpp"
#include "vmm/host/describe.hpp"
#include "vmm/host/emulated_machine.hpp"
#include "vmm/render/human.hpp"
#include "vmm/result/judge.hpp"
#include "vmm/run/calibrate.hpp"
#include "vmm/run/retries.hpp"
#include "vmm/run/scheduler.hpp"
#include "vmm/run/test_runner.hpp"
#include "vmm/run/time_limit.hpp"

namespace nestbed::vmm {

namespace {

/// Shows which test is running, and prints each as it finishes where the human report is wanted.
void run_with_progress(const kvm::System& system, Plan& plan, const RunOptions& options,
                       const TestSettings& settings, const HumanStyle& style,
                       const std::stop_token& stop, RunReport& report) {
    ProgressLine progress(style.quiet);
    std::size_t finished = 0;
    std::size_t failed = 0;
    const std::string of_all = plan.size() == without_end ? "" : fmt::format("/{}", plan.size());
    const std::optional<EmulatedMachine> machine = this_emulated_machine();
    // Not where a failure is looked for, which a retry would undo.
    const Retries retries{.asked_for = options.retries,
                          .interrupts_come_twice = !options.until_fail && machine &&
                                                   machine->delivers_interrupts_twice()};
    RunSteps steps;
    steps.run = [&](const PlannedTest& test, const std::stop_token& test_stop) {
        TestResult result = run_with_retries(retries, [&] {
            return run_test(system, *test.guest, *test.test, settings, test_stop);
        });
        result.repetition = test.repetition;
        return result;
    };
    steps.started = [&](const PlannedTest& test) {
        progress.show(fmt::format("[{}{}] {}{}", finished, of_all,
                                  failed == 0 ? "" : fmt::format("{} failed; ", failed),
                                  printable(test.test->full_name())));
    };
    steps.finished = [&](const TestResult& result) {
        ++finished;
        failed += result.verdict == Verdict::failed ? 1 : 0;
        if (options.report.printed() == human_format) {
            progress.clear();
            print(human_test(result, style));
        }
    };
    // vCPUs that are pinned, and those of another VM beside them, would share their cores.
    const bool pinned = settings.placement != Placement::free;
    const Stopwatch watch;
    Parallelism together = parallelism(pinned ? 1 : options.jobs);
    together.memory = settings.confinement.memory_limit;
    if constexpr (has_address_sanitizer) {
        // Its allocator has locks that a fork beside another thread leaves locked in the new
        // process.
        together.jobs = 1;
    }
    run_side_by_side(plan, together, steps, stop, report);
    report.seconds = watch.seconds();
}

/// What the report says of a run until a test fails.
std::string repetitions_text(const RunReport& report) {
    const std::uint64_t passed = *report.passed_repetitions;
    if (report.summary().failed != 0) {
        return fmt::format("a test failed in repetition {}", passed + 1);
    }
    return fmt::format("no test failed in {}", counted(passed, "repetition"));
}

/// The scheduler knows of a stop, and not why it was asked for. Repetitions that all passed are
/// what a run until a test fails can come to.
void tell_end(const TimeLimit& limit, RunReport& report) {
    if (report.cut_short == CutShort::interrupted && limit.is_reached()) {
        report.cut_short = CutShort::time_limit;
        if (report.not_finished == 0 && report.passed_repetitions) {
            report.cut_short.reset();
            report.remarks.emplace_back("the time limit was reached");
        }
    }
    if (report.passed_repetitions) {
        report.remarks.push_back(repetitions_text(report));
    }
}

/// Runs the tests and fills the report as far as it comes.
void run_tests(const RunOptions& options, Plan& plan, const HumanStyle& style, bool for_json,
               const std::stop_token& stop, RunReport& report) {
    const kvm::System system;
    refuse_too_many_cpus(system, options.settings.cpus);
    VcpuThread::install_kick_handler();
    const TimeLimit limit(options.time_limit, stop);
    TestSettings settings = options.settings;
    settings.memory_report = for_json;
    settings.confinement = options.confinement.resolved();
    if (for_json) {
        report.host = describe_host(&system);
        report.calibration = calibrate(system, settings.confinement, limit.token());
    }
    run_with_progress(system, plan, options, settings, style, limit.token(), report);
    tell_end(limit, report);
    if (report.shortcoming().empty()) {
        report.error = objection_to_parameters(report.tests);
    }
}

/// Until it has begun, all is left out.
void begin_report(const SelectedTests& selected, const RunOptions& options, const Plan& plan,
                  const GuestSet& guests, RunReport& report) {
    for (const Guest& guest : guests) {
        // Several tests may be of one file.
        if (std::ranges::count(report.guests, guest.name()) == 0) {
            report.guests.push_back(guest.name());
        }
    }
    for (const SelectedTest& one : selected.tests) {
        report.left_out.push_back(one.test->full_name());
    }
    report.not_finished = options.until_fail ? selected.tests.size() : plan.size();
    report.remarks = selected.remarks;
    tell_sandbox(options.confinement.sandbox, report);
    report.shard = options.selection.tests.shard ? options.selection.tests.shard->text() : "";
    report.nothing_to_run = selected.tests.empty();
}

}  // namespace

ExitCode run_guests(const RunOptions& options, const std::vector<std::string>& command_line,
                    const std::function<GuestSet()>& read_guests) {
    HumanStyle style = style_of(options.human);
    ReportedRun reported;
    reported.flaky = options.fail_on_flaky ? FlakyTests::fail : FlakyTests::pass;
    reported.run = [&](RunReport& report, bool for_json, const std::stop_token& stop) {
        const GuestSet guests = read_guests();
        const SelectedTests selected = select(guests, options.selection.tests);
        Plan plan(selected.tests, options.order(), options.settings);
        begin_report(selected, options, plan, guests, report);
        for (const SelectedTest& one : selected.tests) {
            style.name_width = std::max(style.name_width, one.test->full_name().size());
        }
        if (!selected.tests.empty()) {
            run_tests(options, plan, style, for_json, stop, report);
        } else if (for_json) {
            report.host = describe_host(nullptr);
        }
    };
    reported.end = [&style](const RunReport& report) {
        const bool has_come_to_nothing =
            report.tests.empty() && report.remarks.empty() && !report.cut_short;
        return has_come_to_nothing ? "" : human_summary(report, style);
    };
    reported.whole = [&](const RunReport& report, const TextSink& sink) {
        write_human(report, {.name_width = style.name_width, .verbose = options.human.verbose},
                    sink);
    };
    return run_and_report(options.report, command_line, reported);
}

}  // namespace nestbed::vmm
