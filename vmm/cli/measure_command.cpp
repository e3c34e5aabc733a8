#include "vmm/cli/measure_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "vmm/base/stopwatch.hpp"
#include "vmm/base/text.hpp"
#include "vmm/cli/console.hpp"
#include "vmm/cli/provenance.hpp"
#include "vmm/host/describe.hpp"
#include "vmm/machine/vcpu_thread.hpp"
#include "vmm/render/host_text.hpp"
#include "vmm/render/human.hpp"
#include "vmm/render/journal.hpp"
#include "vmm/render/json_provenance.hpp"
#include "vmm/render/study_text.hpp"
#include "vmm/run/calibrate.hpp"

namespace nestbed::vmm {

namespace {

struct Sweeping {
    std::vector<SweepStep> steps;
    std::vector<std::optional<StudyRun>> before;  ///< of each step, if it was measured before
    std::optional<Journal> journal;
};

/// What stands above the table: how far timings of this host can be trusted.
std::string head_of(const RunReport& report, std::size_t width) {
    return report.calibration ? calibration_text(*report.host, *report.calibration, width) + "\n"
                              : "";
}

/// How many of how many, and how long that takes.
class Progress {
  public:
    explicit Progress(std::size_t steps) : steps_(steps) {}

    double seconds() const { return watch_.seconds(); }
    void begin(const SweepStep& step) {
        // The first that is done tells how long all will take: whoever would rather not wait for
        // that should know now.
        constexpr double long_time = 10;
        const bool is_known_now =
            begun_ == 1 && seconds() * static_cast<double>(steps_) > long_time;
        line_.show(progress_text(begun_, steps_, seconds(), step.point->text()), is_known_now);
        ++begun_;
    }

  private:
    Stopwatch watch_;
    ProgressLine line_;
    std::size_t steps_;
    std::size_t begun_ = 0;
};

/// Nothing if it is interrupted; else it is in the journal, if there is one.
std::optional<StudyRun> measured(StudyRunner& runner, const SweepStep& step, bool for_json,
                                 const std::stop_token& stop, std::optional<Journal>& journal) {
    StudyRun done = runner.run(*step.point, for_json, stop);
    done.test.repetition = step.repetition;
    if (done.test.interrupted) {
        return std::nullopt;
    }
    if (journal) {
        journal->add(done.test);
    }
    return done;
}

void take(StudyRun run, RunReport& report, StudyRuns& runs) {
    report.tests.push_back(run.test);
    runs.push_back(std::move(run));
    --report.not_finished;
}

/// The study's runs, until one is interrupted. What has been measured is in `runs` and the report,
/// whatever is thrown after that.
void run_steps(const MeasureCommand& command, bool for_json, const std::stop_token& stop,
               RunReport& report, Sweeping& sweeping, StudyRuns& runs) {
    auto& [steps, before, journal] = sweeping;
    const kvm::System system;
    VcpuThread::install_kick_handler();
    report.host = describe_host(&system);
    const Confinement confinement = command.confinement.resolved();
    report.calibration = calibrate(system, confinement, stop);
    if (command.output.printed() == human_format) {
        print(head_of(report, output_width()));
    }
    if (journal) {
        journal->begin_session(report);
    }
    Progress progress(static_cast<std::size_t>(
        std::ranges::count_if(before, [](const auto& run) { return !run; })));
    StudyRunner runner(system, *command.study, command.points, report.calibration->hypercalls,
                       confinement);
    for (std::size_t n = 0; n < steps.size(); ++n) {
        std::optional<StudyRun> done = std::exchange(before[n], std::nullopt);
        if (!done) {
            progress.begin(steps[n]);
            done = measured(runner, steps[n], for_json, stop, journal);
            report.seconds = progress.seconds();
        }
        if (!done) {
            report.cut_short = CutShort::interrupted;
            return;
        }
        take(*std::move(done), report, runs);
    }
}

/// The same; what was measured before is in the report whatever happens to the rest.
void run_study(const MeasureCommand& command, bool for_json, const std::stop_token& stop,
               RunReport& report, Sweeping& sweeping, StudyRuns& runs) {
    report.not_finished = sweeping.steps.size();
    tell_sandbox(command.confinement.sandbox, report);
    FirstError error;
    error.attempt([&] { run_steps(command, for_json, stop, report, sweeping, runs); });
    for (std::optional<StudyRun>& run : sweeping.before) {
        if (run) {
            take(*std::move(run), report, runs);
        }
    }
    error.throw_if_any();
}

std::string text_of(const MeasureCommand& command, const StudyRuns& runs, const RunReport& report,
                    std::size_t width) {
    if (runs.empty() && report.error) {
        return "";
    }
    std::string text = study_text(*command.study, merged(*command.study, runs), width);
    text += sandbox_text(report);
    if (report.not_finished != 0) {
        text += fmt::format("interrupted: {} of {} did not finish\n", report.not_finished,
                            counted(command.points.size() * command.sweep.repeat, "run"));
    }
    return text;
}

MeasuringOrder measuring_order(const Sweep& sweep) {
    return sweep.order == SweepOrder::random
               ? MeasuringOrder{"random", sweep.seed}
               : MeasuringOrder{sweep.order == SweepOrder::blocked ? "blocked" : "interleaved",
                                std::nullopt};
}

/// Of the report that is to be a JSON file, if there is one.
std::optional<Journal> journal_of(const ReportOptions& options) {
    if (!options.resume) {
        const auto file = json_file_of(options);
        return file ? std::optional(Journal::begin(*file)) : std::nullopt;
    }
    Journal journal = Journal::resume(*options.resume);
    RunReport here;
    here.provenance = begin_provenance(options.anonymous);
    here.host = describe_host(nullptr);
    journal.refuse_another_host(here);
    return journal;
}

/// All steps, with what was measured before. Nothing is written unless all of that fits.
Sweeping begin_sweep(const MeasureCommand& command) {
    Sweeping sweeping{.steps = steps_of(command.points, command.sweep),
                      .before = {},
                      .journal = journal_of(command.output)};
    sweeping.before =
        runs_found(*command.study, sweeping.steps,
                   sweeping.journal ? sweeping.journal->found() : std::vector<TestResult>());
    if (sweeping.journal) {
        sweeping.journal->take_over();
    }
    return sweeping;
}

void add_json(const MeasureCommand& command, const StudyRuns& runs,
              const std::optional<Journal>& journal, nlohmann::ordered_json& json) {
    add_study_json(*command.study, merged(*command.study, runs), json);
    if (journal && !journal->earlier_sessions().empty()) {
        json["earlier_sessions"] = journal->earlier_sessions();
        for (nlohmann::ordered_json& earlier : json["earlier_sessions"]) {
            if (command.output.anonymous) {
                make_anonymous(earlier);
            }
        }
    }
}

}  // namespace

ExitCode measure(const MeasureCommand& command) {
    StudyRuns runs;
    Sweeping sweeping = begin_sweep(command);
    std::optional<Journal>& journal = sweeping.journal;
    ReportedRun reported;
    reported.order = measuring_order(command.sweep);
    reported.run = [&](RunReport& report, bool for_json, const std::stop_token& stop) {
        report.add_json = [&](auto& json) { add_json(command, runs, journal, json); };
        run_study(command, for_json, stop, report, sweeping, runs);
    };
    reported.written = [&] {
        if (journal) {
            journal->remove();
        }
    };
    reported.end = [&](const RunReport& report) {
        return text_of(command, runs, report, output_width());
    };
    reported.whole = [&](const RunReport& report, const TextSink& sink) {
        sink(head_of(report, any_width) + text_of(command, runs, report, any_width));
    };
    return run_and_report(command.output, command.command_line, reported);
}

}  // namespace nestbed::vmm
