// nestbed list: what there is to run.

#include <fmt/format.h>

#include <memory>

#include "vmm/base/table.hpp"
#include "vmm/base/text.hpp"
#include "vmm/cli/command.hpp"
#include "vmm/cli/console.hpp"
#include "vmm/cli/options.hpp"
#include "vmm/run/plan.hpp"

namespace nestbed::vmm {

namespace {

constexpr char examples[] =
    "Examples:\n"
    "  nestbed list                 all built-in guests and their tests\n"
    "  nestbed list build/my.elf    the tests of a guest of your own\n"
    "  nestbed list --filter '*.remap*'\n\n";

struct ListOptions {
    std::vector<std::string> guests;
    std::vector<std::string> filters;
};

std::string needs_of(const GuestTest& test) {
    std::string text = counted(test.needs.cpus, "vCPU");
    if (test.needs.memory != 0) {
        text += fmt::format(", {} MiB", test.needs.memory >> 20);
    }
    return text;
}

ExitCode list(const ListOptions& options) {
    const GuestSet guests =
        options.guests.empty() ? every_builtin_guest() : guests_named(options.guests);
    const Filter filter(options.filters);
    Table table({{"", Table::Align::left},
                 {"", Table::Align::left},
                 {.title = "", .align = Table::Align::left, .wraps = true}});
    for (const Guest& guest : guests) {
        for (const GuestTest& test : guest.tests()) {
            if (filter.matches(test.full_name())) {
                table.add_row({printable(test.full_name()), needs_of(test),
                               fmt::format("{}:{}", printable(test.file), test.line)});
            }
        }
    }
    if (table.empty()) {
        throw_error(ErrorKind::usage, "no test to list");
    }
    print(table.text(0, output_width()));
    return ExitCode::success;
}

}  // namespace

void add_list(CLI::App& program, Invocation& invocation) {
    auto options = std::make_shared<ListOptions>();
    CLI::App* command = program.add_subcommand("list", "List guests' tests with what they need");
    command->add_option("GUEST", options->guests,
                        "Built-in guests by name, or paths of guest ELFs (default: all built-in)");
    add_filter_option(command, "Only tests whose suite.name matches", options->filters);
    command->footer(std::string(examples) + exit_code_help);
    command->callback([options, &invocation] {
        invocation.guests = options->guests;
        invocation.action = [options] { return list(*options); };
    });
}

}  // namespace nestbed::vmm
