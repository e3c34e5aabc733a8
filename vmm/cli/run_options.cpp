#include "vmm/cli/run_options.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "shared/channel/abi.hpp"
#include "shared/channel/boot_info.hpp"
#include "vmm/base/error.hpp"
#include "vmm/base/values.hpp"
#include "vmm/cli/options.hpp"
#include "vmm/host/emulated_machine.hpp"
#include "vmm/loader/pc_settings.hpp"
#include "vmm/study/axis.hpp"

namespace nestbed::vmm {

namespace {

Axis backing_axis() { return name_axis<Backing>("backing", {}, {}); }

Backing parse_backing(const std::string& text) {
    return static_cast<Backing>(backing_axis().parse(text).front());
}

void add_vm_options(CLI::App* command, TestSettings& settings) {
    add_number(command, "--cpus", "N", "vCPUs of each VM, at least (1 to 64; a test may need more)",
               1, channel::max_cpus, settings.cpus);
    add_value(command, "--memory", "SIZE", "Guest memory, at least (default 64M)",
              [&](const std::string& text) {
                  settings.memory =
                      parse_memory("--memory", text, least_guest_memory, most_pc_memory);
              });
    CLI::Option* backing =
        add_value(command, "--backing", "KIND",
                  "Host pages behind guest memory: anon (default; 4 KiB), thp, memfd,\n"
                  "hugetlb-2m or hugetlb-1g (docs/guest-memory.md)",
                  [&](const std::string& text) { settings.backing.kind = parse_backing(text); });
    offer(backing, backing_axis().words());
    add_flag(command, "--prefault", "The host populates all of it before the guest runs",
             [&] { settings.backing.prefault = true; });
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

void add_multiboot_options(CLI::App* command, RunOptions& options) {
    add_value(command, "--append", "ARGUMENTS",
              "Words behind a multiboot guest's command line (docs/kvm-unit-tests.md)",
              [&](const std::string& text) { options.arguments = text; });
    add_values(command, "--env", "NAME=VALUE",
               "A line of a multiboot guest's environment; may be repeated",
               [&](const std::string& text) {
                   const bool is_line = text.find('=') != std::string::npos && text[0] != '=' &&
                                        text.find('\n') == std::string::npos;
                   if (!is_line) {
                       throw_error(ErrorKind::usage, "--env {}: not of the form NAME=VALUE", text);
                   }
                   options.environment.push_back(text);
               });
}

void add_time_options(CLI::App* command, RunOptions& options) {
    const auto add_seconds = [&](const char* name, const char* help, auto& seconds) {
        add_value(command, name, "SECONDS", help,
                  [=, &seconds](const std::string& text) { seconds = parse_seconds(name, text); });
    };
    add_seconds("--timeout",
                "Ends a test that takes longer (default: what it asks for, or 10;\n"
                "more if vCPUs outnumber cores)",
                options.settings.timeout);
    add_seconds("--slow-after", "Warns of tests that took longer (default: half of the timeout)",
                options.settings.slow_after);
    add_seconds("--time-limit", "Ends the run when all of it takes longer", options.time_limit);
}

void add_order_options(CLI::App* command, RunOptions& options) {
    add_number(command, "--jobs", "N", "VMs side by side (default: as many as the cores can take)",
               1, 1024, options.jobs);
    add_number(command, "--repeat", "N", "Run everything N times", 1, 1'000'000, options.repeat);
    add_value(command, "--shuffle", "SEED", "Random order; the same seed gives the same one",
              [&](const std::string& text) {
                  options.shuffle_seed = parse_number("--shuffle", text, 0, ~std::uint64_t{0});
              });
}

void add_failure_options(CLI::App* command, RunOptions& options) {
    add_flag(command, "--fail-fast", "Start no further test when one has failed",
             [&] { options.fail_fast = true; });
    add_flag(command, "--until-fail",
             "Run everything again until a test fails, --repeat times at most;\n"
             "the report has the last time",
             [&] { options.until_fail = true; });
    add_number(command, "--retries", "N",
               "Run a test that fails again, up to N times; if it passes then,\n"
               "it is flaky",
               1, 1000, options.retries);
    add_flag(command, "--fail-on-flaky", "Exit code 6 if tests are flaky, and all else passed",
             [&] { options.fail_on_flaky = true; });
}

/// An output takes the place of what was there, before a guest is read.
void refuse_guests_as_outputs(const RunOptions& options) {
    for (const std::string& output : options.report.outputs) {
        for (const std::string& guest : options.selection.guests) {
            std::error_code none;
            if (std::filesystem::equivalent(output, guest, none)) {
                throw_error(ErrorKind::usage, "--output {}: that is the guest", output);
            }
        }
    }
}

}  // namespace

void add_run_options(CLI::App* command, RunOptions& options) {
    add_selection_options(command, options.selection);
    add_vm_options(command, options.settings);
    add_multiboot_options(command, options);
    add_common_options(command, options);
}

void add_common_options(CLI::App* command, RunOptions& options) {
    add_time_options(command, options);
    add_order_options(command, options);
    add_failure_options(command, options);
    add_confinement_options(command, options.confinement);
    add_report_options(command, options.report);
    add_human_options(command, options.human);
}

void refuse_unused(const RunOptions& options) {
    refuse_guests_as_outputs(options);
    if (options.settings.placement != Placement::free && options.jobs > 1) {
        throw_error(ErrorKind::usage, "--jobs {}: with --pin one VM runs at a time", options.jobs);
    }
    if (options.until_fail && options.fail_fast) {
        throw_error(ErrorKind::usage, "--fail-fast: --until-fail ends with the first failure");
    }
    if (options.until_fail && options.retries != 0) {
        throw_error(ErrorKind::usage,
                    "--retries: --until-fail looks for a failure, which a retry would undo");
    }
    if (options.fail_on_flaky && options.retries == 0 && !this_emulated_machine()) {
        throw_error(ErrorKind::usage,
                    "--fail-on-flaky: without --retries no test is run again, and none is flaky");
    }
    if (options.settings.timeout && options.settings.slow_after &&
        *options.settings.slow_after >= *options.settings.timeout) {
        throw_error(ErrorKind::usage, "--slow-after: --timeout ends every test before that");
    }
    refuse_unused(options.human, options.report);
    refuse_unused(options.report);
}

}  // namespace nestbed::vmm
