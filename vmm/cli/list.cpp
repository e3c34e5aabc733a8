// nestbed list: what `nestbed run` with the same options would run.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <memory>

#include "vmm/base/error.hpp"
#include "vmm/base/table.hpp"
#include "vmm/base/text.hpp"
#include "vmm/cli/command.hpp"
#include "vmm/cli/console.hpp"
#include "vmm/cli/options.hpp"
#include "vmm/cli/selection_options.hpp"
#include "vmm/render/json_list.hpp"

namespace nestbed::vmm {

namespace {

constexpr char examples[] =
    "Examples:\n"
    "  nestbed list                 what nestbed run would run, with what it needs and its tags\n"
    "  nestbed list --all           with the guests that run only when they are named\n"
    "  nestbed list guests/my.elf   the tests of a guest of your own\n"
    "  nestbed list --filter '*.remap*' --tag -slow --shard 1/4\n"
    "  nestbed list --json          for programs (docs/list.schema.json)\n\n";

struct ListOptions {
    SelectionOptions selection;
    bool all = false;
    bool json = false;
};

std::string needs_of(const GuestTest& test) {
    std::string text = counted(test.needs.cpus, "vCPU");
    if (test.needs.memory != 0) {
        text += fmt::format(", {} MiB", test.needs.memory >> 20);
    }
    if (test.needs.timeout != 0) {
        text += fmt::format(", {} s", test.needs.timeout);
    }
    return text;
}

std::string human_list(const SelectedTests& selected) {
    Table table({{"", Table::Align::left},
                 {"", Table::Align::left},
                 {.title = "", .align = Table::Align::left, .wraps = true}});
    for (const auto& [guest, test] : selected.tests) {
        table.add_row({printable(test->full_name()), needs_of(*test),
                       fmt::format("{}  {}", place_text(printable(test->file), test->line),
                                   fmt::join(test->tags, " "))});
    }
    return table.empty() ? "" : table.text(0, output_width());
}

ExitCode list_tests(const ListOptions& options) {
    const GuestSet guests =
        options.all ? every_builtin_guest() : guests_named(options.selection.named_guests());
    const SelectedTests selected = select(guests, options.selection.tests);
    if (options.json) {
        print(json_list(selected));
        return ExitCode::success;
    }
    print(human_list(selected));
    for (const std::string& remark : selected.remarks) {
        fmt::print(stderr, "nestbed: {}\n", printable(remark));
    }
    return ExitCode::success;
}

}  // namespace

void add_list(CLI::App& program, Invocation& invocation) {
    auto options = std::make_shared<ListOptions>();
    CLI::App* command = program.add_subcommand(
        "list", "List the tests that run would run with the same options, and what they need");
    add_selection_options(command, options->selection);
    add_flag(command, "--all", "Every built-in guest, those that run only when named included",
             [options] { options->all = true; });
    add_flag(command, "--json", "As one object, for programs (docs/list.schema.json)",
             [options] { options->json = true; });
    command->footer(std::string(examples) + exit_code_help);
    command->callback([options, &invocation] {
        if (options->all && !options->selection.named_guests().empty()) {
            throw_error(ErrorKind::usage, "--all: all built-in guests, and some are named as well");
        }
        add_inputs(options->selection, invocation);
        invocation.action = [options] { return list_tests(*options); };
    });
}

}  // namespace nestbed::vmm
