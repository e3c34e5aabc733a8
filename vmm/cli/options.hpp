// Options that several commands have, or that are made in the same way.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/base/values.hpp"

namespace nestbed::vmm {

/// An option whose text `parse` checks and makes a value of; it may throw Error.
CLI::Option* add_value(CLI::App* command, const char* name, const char* type, const char* help,
                       const std::function<void(const std::string&)>& parse);

/// The same, for an option that may be given several times.
CLI::Option* add_values(CLI::App* command, const char* name, const char* type, const char* help,
                        const std::function<void(const std::string&)>& parse);

/// Calls `called` if it is given. Refuses `--flag=false`, which CLI11 would drop in silence.
void add_flag(CLI::App* command, const std::string& name, const std::string& help,
              const std::function<void()>& called);

/// The same, for a number.
template <typename Number>
void add_number(CLI::App* command, const char* name, const char* type, const char* help,
                std::uint64_t least, std::uint64_t most, Number& number) {
    add_value(command, name, type, help, [=, &number](const std::string& text) {
        number = static_cast<Number>(parse_number(name, text, least, most));
    });
}

/// Names the words that the option's value may be, or may have between its commas, for completion.
/// The option's own parser is what refuses others.
CLI::Option* offer(CLI::Option* option, const std::vector<std::string>& words);

/// A word that an option takes, and what that stands for.
template <typename Value>
struct Choice {
    std::string_view name;
    Value value;
};
// Clang 14 makes none of its own for an aggregate.
template <typename Value>
Choice(std::string_view, Value) -> Choice<Value>;

/// Whatever else they are, `choices` have a `name`.
template <typename Choices>
std::vector<std::string> names_of(const Choices& choices) {
    std::vector<std::string> names;
    for (const auto& choice : choices) {
        names.emplace_back(choice.name);
    }
    return names;
}

/// The choice that `text` names. Throws Error(usage) if it names none.
template <typename Choices>
const auto& choice_named(std::string_view option, std::string_view text, const Choices& choices) {
    for (const auto& choice : choices) {
        if (choice.name == text) {
            return choice;
        }
    }
    refuse_name(option, text, names_of(choices));
}

/// An option whose value names one of `choices`, for which `chosen` is called: they are offered,
/// and anything else is refused.
template <typename Choices, typename Chosen>
CLI::Option* add_choice(CLI::App* command, const char* name, const char* type, const char* help,
                        const Choices& choices, const Chosen& chosen) {
    const auto parse = [=](const std::string& text) { chosen(choice_named(name, text, choices)); };
    return offer(add_value(command, name, type, help, parse), names_of(choices));
}

/// Those; or what stands between the bars of a type such as "brief|full".
std::vector<std::string> offered(CLI::Option& option);

}  // namespace nestbed::vmm
