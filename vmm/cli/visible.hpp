// The command line as its users see it: for all that is made of its description.
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <vector>

namespace nestbed::vmm {

/// Commands and options in a group without a name are hidden.
inline std::vector<CLI::App*> visible_commands(CLI::App& command) {
    return command.get_subcommands([](CLI::App* each) { return !each->get_group().empty(); });
}

/// Those that begin with a hyphen.
inline std::vector<CLI::Option*> visible_options(CLI::App& command) {
    return command.get_options(
        [](CLI::Option* each) { return each->nonpositional() && !each->get_group().empty(); });
}

inline std::vector<CLI::Option*> positionals_of(CLI::App& command) {
    return command.get_options([](CLI::Option* each) { return each->get_positional(); });
}

inline bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

/// "nestbed measure shootdown", or with another separator.
inline std::string path_of(const CLI::App& command, const std::string& separator = " ") {
    const CLI::App* parent = command.get_parent();
    return (parent != nullptr ? path_of(*parent, separator) + separator : "") + command.get_name();
}

/// What stands for its value in help: "FILE", "GUEST". CLI11 has it elsewhere for positional ones.
inline std::string placeholder_of(const CLI::Option& option) {
    return option.get_positional() ? option.get_name(true) : option.get_type_name();
}

/// Of a command or an option. Help breaks it to fit the half of a terminal.
template <typename Described>
std::string description_of(const Described& described) {
    std::string text = described.get_description();
    std::ranges::replace(text, '\n', ' ');
    return text;
}

}  // namespace nestbed::vmm
