// Options that several commands have, or that are made in the same way.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
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

/// Those; or what stands between the bars of a type such as "brief|full".
std::vector<std::string> offered(CLI::Option& option);

}  // namespace nestbed::vmm
