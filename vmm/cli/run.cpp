// nestbed run: guest tests, each in a fresh VM.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>

#include "shared/channel/abi.hpp"
#include "vmm/base/output_file.hpp"
#include "vmm/base/text.hpp"
#include "vmm/base/values.hpp"
#include "vmm/cli/command.hpp"
#include "vmm/cli/console.hpp"
#include "vmm/cli/interrupt.hpp"
#include "vmm/cli/options.hpp"
#include "vmm/host/describe.hpp"
#include "vmm/render/format.hpp"
#include "vmm/run/calibrate.hpp"
#include "vmm/run/scheduler.hpp"
#include "vmm/run/test_runner.hpp"

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
    std::optional<Format> format;
    std::vector<std::string> outputs;
    bool verbose = false;
};

/// Prints each test as it finishes, if the human report goes to standard output.
class Console : public RunObserver {
  public:
    Console(std::size_t total, const HumanStyle& style, bool human)
        : total_(total), style_(style), human_(human) {}

    void started(const PlannedTest& test) override { show_progress(test.test->full_name()); }

    void finished(const TestResult& result) override {
        ++finished_;
        if (human_) {
            progress_.clear();
            print(human_test(result, style_));
        }
    }

    ProgressLine& progress() { return progress_; }

  private:
    void show_progress(const std::string& name) {
        progress_.show(fmt::format("[{}/{}] {}", finished_, total_, printable(name)));
    }

    std::size_t total_;
    std::size_t finished_ = 0;
    HumanStyle style_;
    bool human_;
    ProgressLine progress_;
};

std::vector<ScheduledTest> schedule(const std::vector<PlannedTest>& plan,
                                    const TestSettings& settings) {
    std::vector<ScheduledTest> scheduled;
    scheduled.reserve(plan.size());
    for (const PlannedTest& test : plan) {
        scheduled.push_back({test, cpus_of(*test.test, settings)});
    }
    return scheduled;
}

HumanStyle style_of(const std::vector<PlannedTest>& plan, bool verbose) {
    HumanStyle style{.name_width = 0, .verbose = verbose};
    for (const PlannedTest& test : plan) {
        style.name_width = std::max(style.name_width, test.test->full_name().size());
    }
    return style;
}

/// A file of `--output`, found to be writable, and what is to be in it.
struct ReportFile {
    OutputFile file;
    Format format;
};

std::vector<ReportFile> open_report_files(const RunOptions& options) {
    std::vector<ReportFile> files;
    for (const std::string& name : options.outputs) {
        files.push_back({OutputFile(name), options.format.value_or(format_by_name(name))});
    }
    return files;
}

ExitCode run(const RunOptions& options, const std::vector<std::string>& command_line) {
    const GuestSet guests(builtin_guests(), options.guests);
    const std::vector<PlannedTest> plan = make_plan(guests, Filter(options.filters), options.order);
    const std::vector<ScheduledTest> tests = schedule(plan, options.settings);
    std::vector<ReportFile> files = open_report_files(options);
    // With files the human report goes to standard output.
    const Format printed = files.empty() ? options.format.value_or(Format::human) : Format::human;
    const kvm::System system;
    refuse_too_many_cpus(system, std::ranges::max_element(tests, {}, &ScheduledTest::cpus)->cpus);
    VcpuThread::install_kick_handler();
    const InterruptWatcher interrupts;

    RunReport report;
    report.command = command_line;
    TestSettings settings = options.settings;
    settings.memory_report = printed == Format::json ||
                             std::ranges::count(files, Format::json, &ReportFile::format) != 0;
    if (settings.memory_report) {
        report.host = describe_host(&system);
        report.calibration = calibrate(system, interrupts.token());
    }
    const auto start = std::chrono::steady_clock::now();
    const HumanStyle style = style_of(plan, options.verbose);
    const bool human = printed == Format::human;
    Console console(plan.size(), style, human);
    // vCPUs that are pinned, and those of another VM beside them, would share their cores.
    const bool pinned = options.settings.placement != Placement::free;
    const std::uint32_t jobs = pinned && options.jobs == 0 ? 1 : options.jobs;
    RunRecord record = run_side_by_side(
        tests, parallelism(jobs),
        [&](const PlannedTest& test, const std::stop_token& stop) {
            TestResult result = run_test(system, *test.guest, *test.test, settings, stop);
            result.repetition = test.repetition;
            return result;
        },
        interrupts.token(), console);
    console.progress().clear();
    report.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    report.tests = std::move(record.results);
    report.not_finished = record.not_finished;
    report.interrupted = record.not_finished != 0 && !record.error;
    if (human && !(record.error && report.tests.empty())) {
        print(human_summary(report));
    }
    if (record.error) {
        std::rethrow_exception(record.error);
    }
    for (ReportFile& file : files) {
        file.file.write(render(report, file.format, style));
    }
    if (!human) {
        print(render(report, printed, style));
    }
    return exit_code_of(report);
}

void add_vm_options(CLI::App* command, TestSettings& settings) {
    add_value(command, "--cpus", "N", "vCPUs of each VM, at least (1 to 64; a test may need more)",
              [&](const std::string& text) {
                  settings.cpus = static_cast<std::uint32_t>(
                      parse_number("--cpus", text, 1, channel::max_cpus));
              });
    add_value(command, "--memory", "SIZE", "Guest memory, at least (default 64M)",
              [&](const std::string& text) {
                  settings.memory =
                      parse_memory("--memory", text, least_guest_memory, most_guest_memory);
              });
    add_backing_options(command, settings.backing);
    add_value(
        command, "--timeout", "SECONDS",
        "Ends a test that takes longer (default 10, more if vCPUs outnumber cores)",
        [&](const std::string& text) { settings.timeout = parse_seconds("--timeout", text); });
    command->add_flag_callback(
        "--pin", [&] { settings.placement = Placement::spread; },
        "Pin vCPU n to the n-th host core (and run one VM at a time, without --jobs)");
    add_values(command, "--set", "NAME=VALUE", "A parameter for the guests; may be repeated",
               [&](const std::string& text) {
                   settings.parameters.push_back(
                       parse_assignment("--set", text, sizeof(channel::BootParameter::name) - 1));
               });
}

void add_order_options(CLI::App* command, RunOptions& options) {
    constexpr std::uint64_t any = ~std::uint64_t{0};
    add_value(command, "--jobs", "N", "VMs side by side (default: as many as the cores can take)",
              [&](const std::string& text) {
                  options.jobs = static_cast<std::uint32_t>(parse_number("--jobs", text, 1, 1024));
              });
    add_value(command, "--repeat", "N", "Run everything N times", [&](const std::string& text) {
        options.order.repeat = parse_number("--repeat", text, 1, 1'000'000);
    });
    add_value(command, "--shuffle", "SEED", "Random order; the same seed gives the same one",
              [&](const std::string& text) {
                  options.order.shuffle_seed = parse_number("--shuffle", text, 0, any);
              });
}

void add_report_options(CLI::App* command, RunOptions& options) {
    add_value(command, "--format", "FORMAT", "human (default), json, junit or tap",
              [&](const std::string& text) { options.format = parse_format(text); });
    add_values(command, "--output", "FILE",
               "Write the report to this file, without --format as .json, .xml (junit) or "
               ".tap by its name; may be repeated; the human one still goes to stdout",
               [&](const std::string& text) { options.outputs.push_back(text); });
    command->add_flag("--verbose", options.verbose, "Log lines of tests that passed, too");
}

}  // namespace

void add_run(CLI::App& program, Invocation& invocation) {
    auto options = std::make_shared<RunOptions>();
    CLI::App* command = program.add_subcommand("run", "Run guest tests, each in a fresh VM");
    command->add_option(
        "GUEST", options->guests,
        "Built-in guests by name, or paths of guest ELFs (default: the built-in suites)");
    add_values(command, "--filter", "GLOB",
               "Only tests whose suite.name matches; several with : between them, or repeated",
               [&filters = options->filters](const std::string& text) { filters.push_back(text); });
    add_vm_options(command, options->settings);
    add_order_options(command, *options);
    add_report_options(command, *options);
    command->footer(std::string(examples) + exit_code_help);
    command->callback([options, &invocation] {
        invocation.guests = options->guests;
        invocation.outputs = options->outputs;
        invocation.action = [options, command_line = invocation.command_line] {
            return run(*options, command_line);
        };
    });
}

}  // namespace nestbed::vmm
