// nestbed run: guest tests, each in a fresh VM.

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "shared/channel/abi.hpp"
#include "vmm/base/stopwatch.hpp"
#include "vmm/base/text.hpp"
#include "vmm/base/values.hpp"
#include "vmm/cli/command.hpp"
#include "vmm/cli/console.hpp"
#include "vmm/cli/human_options.hpp"
#include "vmm/cli/interrupt.hpp"
#include "vmm/cli/options.hpp"
#include "vmm/cli/outputs.hpp"
#include "vmm/host/describe.hpp"
#include "vmm/render/human.hpp"
#include "vmm/result/judge.hpp"
#include "vmm/run/calibrate.hpp"
#include "vmm/run/scheduler.hpp"
#include "vmm/run/test_runner.hpp"
#include "vmm/study/axis.hpp"

namespace nestbed::vmm {

namespace {

constexpr char examples[] =
    "Examples:\n"
    "  nestbed run                                  all built-in suites\n"
    "  nestbed run paging shootdown --cpus 4        two of them, with at least 4 vCPUs each\n"
    "  nestbed run --filter 'paging.*:*.empty'      tests by name\n"
    "  nestbed run my.elf --set rounds=100          a guest of your own, with a parameter\n"
    "  nestbed run --repeat 100 --shuffle 1         look for a test that fails now and then\n"
    "  nestbed run --output out.xml --output out.json  for CI; the human report goes to stdout\n\n"
    "The guests crash, calibrate and measure_* run only when they are named.\n\n";

struct RunOptions {
    std::vector<std::string> guests;
    std::vector<std::string> filters;
    TestSettings settings;
    PlanOrder order;
    std::uint32_t jobs = 0;
    ReportOptions report;
    HumanOptions human;
};

/// Shows which test is running, and prints each as it finishes where the human report is wanted.
void run_with_progress(const kvm::System& system, const std::vector<PlannedTest>& plan,
                       const RunOptions& options, const TestSettings& settings,
                       const HumanStyle& style, const std::stop_token& stop, RunReport& report) {
    ProgressLine progress(style.quiet);
    std::size_t finished = 0;
    std::size_t failed = 0;
    RunSteps steps;
    steps.run = [&](const PlannedTest& test, const std::stop_token& test_stop) {
        TestResult result = run_test(system, *test.guest, *test.test, settings, test_stop);
        result.repetition = test.repetition;
        return result;
    };
    steps.started = [&](const PlannedTest& test) {
        progress.show(fmt::format("[{}/{}] {}{}", finished, plan.size(),
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
    run_side_by_side(plan, parallelism(pinned ? 1 : options.jobs), steps, stop, report);
    report.seconds = watch.seconds();
}

/// Runs the tests and fills the report as far as it comes.
void run_tests(const RunOptions& options, const std::vector<PlannedTest>& plan,
               const HumanStyle& style, bool for_json, RunReport& report) {
    report.not_finished = plan.size();
    const kvm::System system;
    refuse_too_many_cpus(system, std::ranges::max_element(plan, {}, &PlannedTest::cpus)->cpus);
    VcpuThread::install_kick_handler();
    const InterruptWatcher interrupts;
    TestSettings settings = options.settings;
    settings.memory_report = for_json;
    if (for_json) {
        report.host = describe_host(&system);
        report.calibration = calibrate(system, interrupts.token());
    }
    run_with_progress(system, plan, options, settings, style, interrupts.token(), report);
    if (report.shortcoming().empty()) {
        report.error = objection_to_parameters(report.tests);
    }
}

ExitCode run(const RunOptions& options, const std::vector<std::string>& command_line) {
    HumanStyle style = style_of(options.human);
    ReportedRun reported;
    reported.run = [&](RunReport& report, bool for_json) {
        const GuestSet guests = guests_named(options.guests);
        const std::vector<PlannedTest> plan =
            make_plan(guests, Filter(options.filters), options.order, options.settings);
        for (const PlannedTest& test : plan) {
            style.name_width = std::max(style.name_width, test.test->full_name().size());
        }
        run_tests(options, plan, style, for_json, report);
    };
    reported.end = [&style](const RunReport& report) {
        return report.tests.empty() ? "" : human_summary(report, style);
    };
    reported.whole = [&](const RunReport& report) {
        return human_report(report,
                            {.name_width = style.name_width, .verbose = options.human.verbose});
    };
    return run_and_report(options.report, command_line, reported);
}

/// An option that others leave without effect is a misunderstanding.
void refuse_unused_options(const RunOptions& options) {
    if (options.settings.placement != Placement::free && options.jobs > 1) {
        throw_error(ErrorKind::usage, "--jobs {}: with --pin one VM runs at a time", options.jobs);
    }
    refuse_unused(options.human, options.report);
    refuse_unused(options.report);
}

Backing parse_backing(const std::string& text) {
    return static_cast<Backing>(name_axis<Backing>("backing", {}, {}).parse(text).front());
}

void add_vm_options(CLI::App* command, TestSettings& settings) {
    add_number(command, "--cpus", "N", "vCPUs of each VM, at least (1 to 64; a test may need more)",
               1, channel::max_cpus, settings.cpus);
    add_value(command, "--memory", "SIZE", "Guest memory, at least (default 64M)",
              [&](const std::string& text) {
                  settings.memory =
                      parse_memory("--memory", text, least_guest_memory, most_guest_memory);
              });
    add_value(command, "--backing", "KIND",
              "Host pages behind guest memory: anon (default; 4 KiB), thp, memfd,\n"
              "hugetlb-2m or hugetlb-1g (docs/guest-memory.md)",
              [&](const std::string& text) { settings.backing.kind = parse_backing(text); });
    add_flag(command, "--prefault", "The host populates all of it before the guest runs",
             [&] { settings.backing.prefault = true; });
    add_value(
        command, "--timeout", "SECONDS",
        "Ends a test that takes longer (default 10, more if vCPUs outnumber cores)",
        [&](const std::string& text) { settings.timeout = parse_seconds("--timeout", text); });
    add_flag(command, "--pin", "Pin vCPU n to the n-th host core (and run one VM at a time)",
             [&] { settings.placement = Placement::spread; });
    add_values(command, "--set", "NAME=VALUE", "A parameter for the guests; may be repeated",
               [&](const std::string& text) {
                   auto assignment =
                       parse_assignment("--set", text, sizeof(channel::BootParameter::name) - 1);
                   if (std::ranges::count(settings.parameters, assignment.first,
                                          &std::pair<std::string, std::uint64_t>::first) != 0) {
                       throw_error(ErrorKind::usage, "--set {}: it was set before", text);
                   }
                   settings.parameters.push_back(std::move(assignment));
               });
}

void add_order_options(CLI::App* command, RunOptions& options) {
    add_number(command, "--jobs", "N", "VMs side by side (default: as many as the cores can take)",
               1, 1024, options.jobs);
    add_number(command, "--repeat", "N", "Run everything N times", 1, 1'000'000,
               options.order.repeat);
    add_value(command, "--shuffle", "SEED", "Random order; the same seed gives the same one",
              [&](const std::string& text) {
                  options.order.shuffle_seed =
                      parse_number("--shuffle", text, 0, ~std::uint64_t{0});
              });
}

}  // namespace

void add_run(CLI::App& program, Invocation& invocation) {
    auto options = std::make_shared<RunOptions>();
    CLI::App* command = program.add_subcommand("run", "Run guest tests, each in a fresh VM");
    command->add_option(
        "GUEST", options->guests,
        "Built-in guests by name, or paths of guest ELFs (default: the built-in suites)");
    add_filter_option(
        command, "Only tests whose suite.name matches; several with : between them, or repeated",
        options->filters);
    add_vm_options(command, options->settings);
    add_order_options(command, *options);
    add_report_options(command, options->report);
    add_human_options(command, options->human);
    command->footer(std::string(examples) + exit_code_help);
    command->callback([options, &invocation] {
        refuse_unused_options(*options);
        invocation.guests = options->guests;
        invocation.outputs = options->report.outputs;
        invocation.is_for_programs = options->report.printed() != human_format;
        invocation.action = [options, command_line = invocation.command_line] {
            return run(*options, command_line);
        };
    });
}

}  // namespace nestbed::vmm
