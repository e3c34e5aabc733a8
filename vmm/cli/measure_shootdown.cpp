// nestbed measure shootdown: the latency of TLB shootdowns, each with the proof that none was
// missed.

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>

#include "shared/channel/abi.hpp"
#include "shared/shootdown/protocol_names.hpp"
#include "shared/shootdown/target_state.hpp"
#include "vmm/cli/command.hpp"
#include "vmm/cli/console.hpp"
#include "vmm/cli/interrupt.hpp"
#include "vmm/cli/options.hpp"
#include "vmm/cli/values.hpp"
#include "vmm/host/calibrate.hpp"
#include "vmm/host/describe.hpp"
#include "vmm/report/host_text.hpp"
#include "vmm/report/json.hpp"
#include "vmm/report/output_file.hpp"
#include "vmm/report/shootdown_table.hpp"
#include "vmm/runner/guest_set.hpp"
#include "vmm/runner/test_runner.hpp"

namespace nestbed::vmm {

namespace {

constexpr char experiment_help[] =
    "CPU 0 changes the translations of PAGES pages and shoots them down; the other vCPUs, in the\n"
    "TARGET state, read these pages all the time. A sample is the time from the changed entries "
    "to\n"
    "the last acknowledgement. If a reader sees an old page after that, the combination fails.\n"
    "Each combination of the lists runs in a VM of its own, one at a time.\n\n";

constexpr char examples_help[] =
    "Examples:\n"
    "  nestbed measure shootdown\n"
    "  nestbed measure shootdown --protocol all --pages 1 --target user\n"
    "  nestbed measure shootdown --cpus 2,4,8 --pages 1,64 --target user --samples 1000\n"
    "  nestbed measure shootdown --format json --output shootdown.json\n\n";

constexpr char guest_name[] = "measure_shootdown";
constexpr char test_name[] = "measure_shootdown.latency";

using shootdown::ProtocolId;
using shootdown::TargetState;

/// All values of an enumeration whose values are 0 to `count` - 1.
template <typename Id, std::uint64_t count>
std::vector<Id> all_of() {
    std::vector<Id> values;
    for (std::uint64_t n = 0; n < count; ++n) {
        values.push_back(static_cast<Id>(n));
    }
    return values;
}

const std::vector<ProtocolId> protocols = all_of<ProtocolId, shootdown::protocol_count>();
const std::vector<TargetState> targets = all_of<TargetState, shootdown::target_state_count>();

const char* explanation_of(ProtocolId protocol) {
    switch (protocol) {
        case ProtocolId::global:
            return "one lock, one request, a count of acknowledgements";
        case ProtocolId::mailbox:
            return "a slot for each target; initiators of different targets run in parallel";
        case ProtocolId::mailbox_overlapped:
            return "mailbox, the initiator's own invalidation while it waits";
        case ProtocolId::scoreboard:
            return "a request for each initiator; all initiators run in parallel";
        case ProtocolId::early_ack:
            return "scoreboard, acknowledged before the invalidation";
    }
    return "";
}

const char* explanation_of(TargetState state) {
    switch (state) {
        case TargetState::user:
            return "reads in user mode";
        case TargetState::spin:
            return "reads in a loop in the kernel";
        case TargetState::hlt:
            return "sleeps in HLT";
    }
    return "";
}

/// A line for each value.
template <typename Id>
std::string explain(const char* title, const std::vector<Id>& values) {
    std::string text = fmt::format("{}:\n", title);
    for (const Id value : values) {
        text += fmt::format("  {:<18}  {}\n", name_of(value), explanation_of(value));
    }
    return text + "\n";
}

std::string help() {
    return experiment_help + explain("Protocols (docs/shootdown-protocols.md)", protocols) +
           explain("Targets", targets) + examples_help;
}

constexpr std::uint64_t most_pages = 512;  // of the guest's experiment: one page table

struct ShootdownOptions {
    std::vector<ProtocolId> protocols{ProtocolId::global};
    std::vector<std::uint64_t> cpus{2};
    std::vector<std::uint64_t> pages{1, 16};
    std::vector<TargetState> targets = vmm::targets;
    std::uint64_t samples = 100;
    std::chrono::milliseconds timeout{60'000};
    bool pin = true;
    Format format = Format::human;
    std::string output;
};

template <typename Id>
[[noreturn]] void refuse_name(const char* option, const std::string& name,
                              const std::vector<Id>& known) {
    std::vector<std::string> names;
    std::ranges::transform(known, std::back_inserter(names), [](Id id) { return name_of(id); });
    throw_error(ExitCode::bad_input, "{} {}: there are {}, all", option, name,
                fmt::join(names, ", "));
}

/// Names with commas between them; `all` stands for all that there are.
template <typename Id>
std::vector<Id> parse_names(const char* option, const std::string& text,
                            const std::vector<Id>& known) {
    std::vector<Id> result;
    for (const std::string& name : split_list(text)) {
        if (name == "all") {
            result.insert(result.end(), known.begin(), known.end());
            continue;
        }
        const auto found = std::ranges::find_if(known, [&](Id id) { return name_of(id) == name; });
        if (found == known.end()) {
            refuse_name(option, name, known);
        }
        result.push_back(*found);
    }
    return result;
}

std::vector<ShootdownCombination> combinations(const ShootdownOptions& options) {
    std::vector<ShootdownCombination> result;
    for (const ProtocolId protocol : options.protocols) {
        for (const std::uint64_t cpus : options.cpus) {
            for (const std::uint64_t pages : options.pages) {
                for (const TargetState target : options.targets) {
                    result.push_back({protocol, static_cast<std::uint32_t>(cpus), pages, target});
                }
            }
        }
    }
    return result;
}

TestSettings settings_of(const ShootdownCombination& combination, const ShootdownOptions& options) {
    TestSettings settings;
    settings.cpus = combination.cpus;
    settings.timeout = options.timeout;
    settings.pin = options.pin;
    settings.parameters = {{"protocol", static_cast<std::uint64_t>(combination.protocol)},
                           {"pages", combination.pages},
                           {"target", static_cast<std::uint64_t>(combination.target)},
                           {"samples", options.samples}};
    return settings;
}

const GuestTest& measuring_test(const Guest& guest) {
    const auto test = std::ranges::find(guest.tests(), test_name, &GuestTest::full_name);
    if (test == guest.tests().end()) {
        throw_error(ExitCode::bad_input, "the built-in guest {} has no test {}", guest_name,
                    test_name);
    }
    return *test;
}

/// Runs one combination after the other, until all are done or `stop` is requested.
std::vector<ShootdownResult> run_all(const kvm::System& system,
                                     const std::vector<ShootdownCombination>& all,
                                     const ShootdownOptions& options, const std::stop_token& stop) {
    const Guest guest = read_builtin(guest_name);
    const GuestTest& test = measuring_test(guest);
    ProgressLine progress;
    std::vector<ShootdownResult> results;
    for (const ShootdownCombination& combination : all) {
        progress.show(
            fmt::format("[{}/{}] {}", results.size() + 1, all.size(), combination.text()));
        TestResult result = run_test(system, guest, test, settings_of(combination, options), stop);
        if (result.interrupted) {
            break;
        }
        results.push_back({combination, std::move(result)});
    }
    return results;
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
    const std::vector<ShootdownCombination> all = combinations(options);
    std::optional<OutputFile> output;
    if (!options.output.empty()) {
        output.emplace(options.output);
    }
    const kvm::System system;
    refuse_too_many_cpus(system,
                         std::ranges::max_element(all, {}, &ShootdownCombination::cpus)->cpus);
    VcpuThread::install_kick_handler();
    const InterruptWatcher interrupts;

    RunReport report;
    report.command = command_line;
    report.host = describe_host(&system);
    report.calibration = calibrate(system, interrupts.token());
    std::string text = calibration_text(*report.host, *report.calibration) + "\n";
    const bool human = output || options.format == Format::human;
    if (human) {
        print(text);
    }
    const auto start = std::chrono::steady_clock::now();
    const std::vector<ShootdownResult> results = run_all(system, all, options, interrupts.token());
    report.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::ranges::transform(results, std::back_inserter(report.tests), &ShootdownResult::test);
    report.not_finished = all.size() - results.size();
    report.interrupted = report.not_finished != 0;
    std::string table = shootdown_table(results);
    if (report.interrupted) {
        table += fmt::format("interrupted: {} of {} combinations did not finish\n",
                             report.not_finished, all.size());
    }
    if (human) {
        print(table);
    }
    if (output) {
        output->write(options.format == Format::json ? json_report(report) : text + table);
    } else if (!human) {
        print(json_report(report));
    }
    return verdict_of(report);
}

Format parse_table_format(const std::string& text) {
    const Format format = parse_format(text);
    if (format != Format::human && format != Format::json) {
        throw_error(ExitCode::bad_input, "--format {}: a measurement is human or json", text);
    }
    return format;
}

void add_parameters(CLI::App* command, ShootdownOptions& options) {
    add_value(command, "--protocol", "LIST",
              "Shootdown protocols, or all: see below (default global)",
              [&](const std::string& text) {
                  options.protocols = parse_names("--protocol", text, protocols);
              });
    add_value(command, "--cpus", "LIST", "vCPUs, the initiator included (default 2)",
              [&](const std::string& text) {
                  options.cpus = parse_numbers("--cpus", text, 2, channel::max_cpus);
              });
    add_value(command, "--pages", "LIST", "Pages shot down at once (1 to 512; default 1,16)",
              [&](const std::string& text) {
                  options.pages = parse_numbers("--pages", text, 1, most_pages);
              });
    add_value(
        command, "--target", "LIST", "What the others do: see below (default all)",
        [&](const std::string& text) { options.targets = parse_names("--target", text, targets); });
    add_value(command, "--samples", "N", "Shootdowns per combination (default 100)",
              [&](const std::string& text) {
                  options.samples = parse_number("--samples", text, 1, 10'000'000);
              });
}

}  // namespace

void add_measure_shootdown(CLI::App& measure, Invocation& invocation) {
    auto options = std::make_shared<ShootdownOptions>();
    CLI::App* command = measure.add_subcommand(
        "shootdown", "The latency of TLB shootdowns, with proof that none was missed");
    add_parameters(command, *options);
    add_value(command, "--timeout", "SECONDS", "Ends a combination that takes longer (default 60)",
              [options](const std::string& text) {
                  options->timeout = parse_seconds("--timeout", text);
              });
    command->add_flag("--pin,!--no-pin", options->pin,
                      "Pin vCPU n to the n-th host core (default), or do not");
    add_value(command, "--format", "FORMAT", "human (default) or json",
              [options](const std::string& text) { options->format = parse_table_format(text); });
    command
        ->add_option("--output", options->output,
                     "Write the result to this file; the human one still goes to stdout")
        ->type_name("FILE");
    command->footer(help() + exit_code_help);
    command->callback([options, &invocation] {
        invocation.action = [options, &invocation] {
            return measure_shootdown(*options, invocation.command_line);
        };
    });
}

}  // namespace nestbed::vmm
