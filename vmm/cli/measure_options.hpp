// Options that all `nestbed measure` commands have, and the kinds of options that they are made of.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vmm/cli/named_values.hpp"
#include "vmm/cli/options.hpp"
#include "vmm/machine/host_cpus.hpp"
#include "vmm/render/format.hpp"

namespace nestbed::vmm {

/// Where the result goes, and as what.
struct ReportOptions {
    std::optional<Format> format;
    std::string output;  ///< a file; empty: none
};

/// `--format` and `--output`. `options` must live as long as `command`.
void add_report_options(CLI::App* command, ReportOptions& options);

/// `--timeout` of each VM, and `--pin` or `--no-pin`. What they set must live as long as `command`.
void add_run_options(CLI::App* command, const char* timeout_help,
                     std::chrono::milliseconds& timeout, Placement& placement);

/// An axis whose values have names (`name_of`); `known` are all of them and outlive `command`.
template <typename Id>
void add_names(CLI::App* command, const char* option, const char* help, std::vector<Id>& values,
               const std::vector<Id>& known) {
    add_value(command, option, "LIST", help, [option, &values, &known](const std::string& text) {
        values = parse_names(option, text, known);
    });
}

/// An axis whose values are numbers.
void add_numbers(CLI::App* command, const char* option, const char* help,
                 std::vector<std::uint64_t>& values, std::uint64_t least, std::uint64_t most);

void add_number(CLI::App* command, const char* option, const char* help, std::uint64_t& value,
                std::uint64_t least, std::uint64_t most);

}  // namespace nestbed::vmm
