#include "vmm/cli/man_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <vector>

#include "vmm/cli/roff.hpp"
#include "vmm/cli/visible.hpp"

namespace nestbed::vmm {

namespace {

using roff::bold;
using roff::escaped;
using roff::filled;
using roff::heading;
using roff::italic;

std::string title_line(const CLI::App& command) {
    // With the date of the release: a page says the same whenever it is made.
    return fmt::format(".TH {} 1 {} \"nestbed {}\" \"User Commands\"\n",
                       escaped(roff::upper_case(page_name(command))), NESTBED_RELEASE_DATE,
                       NESTBED_VERSION);
}

/// What it does, without a period.
std::string clause(const CLI::App& command) {
    std::string text = description_of(command);
    if (text.ends_with('.')) {
        text.pop_back();
    }
    return text;
}

std::string in_synopsis(const CLI::Option& positional) {
    const std::string text =
        italic(positional.get_name(true)) + (positional.get_expected_max() > 1 ? " ..." : "");
    return positional.get_required() ? " " + text : " [" + text + "]";
}

std::string synopsis(CLI::App& command) {
    std::string text = bold(path_of(command));
    for (const CLI::Option* option : visible_options(command)) {
        if (option->get_required()) {
            text += " " + bold("--" + option->get_lnames().front()) + " " +
                    italic(option->get_type_name());
        }
    }
    text += " [" + italic("option") + " ...]";
    for (const CLI::Option* positional : positionals_of(command)) {
        text += in_synopsis(*positional);
    }
    if (!visible_commands(command).empty()) {
        text += " " + italic("command") + " ...";
    }
    return heading(".SH", "SYNOPSIS") + filled(text);
}

std::string list_item(const std::string& term, const std::string& meaning) {
    return ".TP\n" + term + "\n" + filled(escaped(meaning));
}

std::string term_of(const CLI::Option& option) {
    if (option.get_positional()) {
        return italic(option.get_name(true));
    }
    std::vector<std::string> names;
    for (const std::string& name : option.get_snames()) {
        names.push_back(bold("-" + name));
    }
    for (const std::string& name : option.get_lnames()) {
        names.push_back(bold("--" + name));
    }
    return fmt::format("{}{}", fmt::join(names, ", "),
                       takes_value(option) ? " " + italic(option.get_type_name()) : "");
}

std::string options_of(CLI::App& command) {
    std::string source;
    for (const auto& options : {positionals_of(command), visible_options(command)}) {
        for (const CLI::Option* option : options) {
            source +=
                list_item(term_of(*option),
                          description_of(*option) + (option->get_required() ? " (required)" : ""));
        }
    }
    return source.empty() ? "" : heading(".SH", "OPTIONS") + source;
}

std::string commands_of(CLI::App& command) {
    std::string source;
    for (const CLI::App* each : visible_commands(command)) {
        source += list_item(bold(each->get_name()), description_of(*each));
    }
    return source.empty() ? "" : heading(".SH", "COMMANDS") + source;
}

/// The pages of the commands above and below.
std::string see_also(CLI::App& command) {
    std::vector<std::string> pages;
    for (const CLI::App* above = command.get_parent(); above != nullptr;
         above = above->get_parent()) {
        pages.push_back(page_name(*above));
    }
    for (const CLI::App* below : visible_commands(command)) {
        pages.push_back(page_name(*below));
    }
    std::ranges::sort(pages);
    std::vector<std::string> terms;
    terms.reserve(pages.size());
    for (const std::string& page : pages) {
        terms.push_back(bold(page) + "(1)");
    }
    return heading(".SH", "SEE ALSO") + filled(fmt::to_string(fmt::join(terms, ", ")));
}

}  // namespace

std::string page_name(const CLI::App& command) { return path_of(command, "-"); }

std::string man_page(CLI::App& command) {
    const roff::HelpText help = roff::help_text(command.get_footer());
    return ".\\\" Made by nestbed of what nestbed --help says.\n" + title_line(command) +
           heading(".SH", "NAME") +
           filled(escaped(page_name(command)) + " \\- " + escaped(clause(command))) +
           synopsis(command) + heading(".SH", "DESCRIPTION") +
           filled(escaped(clause(command) + ".")) + help.introduction + commands_of(command) +
           options_of(command) + help.sections + see_also(command);
}

}  // namespace nestbed::vmm
