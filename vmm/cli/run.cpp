// nestbed run: guest tests, each in a fresh VM.

#include <algorithm>
#include <memory>

#include "vmm/base/error.hpp"
#include "vmm/base/text.hpp"
#include "vmm/cli/command.hpp"
#include "vmm/cli/run_guests.hpp"

namespace nestbed::vmm {

namespace {

constexpr char run_examples[] =
    "Examples:\n"
    "  nestbed run                                  all built-in suites\n"
    "  nestbed run paging shootdown --cpus 4        two of them, with at least 4 vCPUs each\n"
    "  nestbed run --filter 'paging.*:-*.*large*'   tests by name, without some\n"
    "  nestbed run --tag -slow --shard 1/4          a quarter of all but the slow ones\n"
    "  nestbed run my.elf --set rounds=100          a guest of your own, with a parameter\n"
    "  nestbed run --until-fail --shuffle 1         look for a test that fails now and then\n"
    "  nestbed run --rerun-failed out.json          what failed the last time\n"
    "  nestbed run --output out.xml --output out.json  for CI; the human report goes to stdout\n\n"
    "Built-in guests that die on purpose, measure, or show what hosts do wrong run only\n"
    "when they are named (nestbed list --all has their tests).\n"
    "docs/running.md says more.\n\n";

/// With what those of them that are not ours are to be told.
GuestSet guests_of(const RunOptions& options) {
    GuestSet guests = guests_named(options.selection.named_guests());
    const bool has_own = std::ranges::any_of(
        guests, [](const Guest& guest) { return guest.multiboot() == nullptr; });
    if (has_own && options.settings.memory > most_guest_memory) {
        throw_error(ErrorKind::usage, "--memory {}: a guest of nestbed's own has {} at most",
                    size_text(options.settings.memory), size_text(most_guest_memory));
    }
    if (options.arguments.empty() && options.environment.empty()) {
        return guests;
    }
    if (std::ranges::none_of(guests, [](const Guest& guest) { return guest.multiboot(); })) {
        throw_error(ErrorKind::usage,
                    "--append and --env are for multiboot guests, and none is named; a guest of "
                    "nestbed's own takes --set");
    }
    for (Guest& guest : guests) {
        guest.give(options.arguments, options.environment);
    }
    return guests;
}

}  // namespace

void add_run(CLI::App& program, Invocation& invocation) {
    auto options = std::make_shared<RunOptions>();
    CLI::App* command = program.add_subcommand("run", "Run guest tests, each in a fresh VM");
    add_run_options(command, *options);
    command->footer(std::string(run_examples) + exit_code_help);
    command->callback([options, &invocation] {
        refuse_unused(*options);
        add_inputs(options->selection, invocation);
        invocation.outputs = options->report.outputs;
        invocation.action = [options, command_line = invocation.command_line] {
            return run_guests(*options, command_line, [&] { return guests_of(*options); });
        };
    });
}

}  // namespace nestbed::vmm
