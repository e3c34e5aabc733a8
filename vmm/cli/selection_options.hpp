// The options that `run` and `list` have in common: which tests of which guests.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "vmm/cli/command.hpp"
#include "vmm/run/selection.hpp"

namespace nestbed::vmm {

struct SelectionOptions {
    std::vector<std::string> guests;
    std::vector<std::string> guests_before;  ///< of the report of --rerun-failed
    Selection tests;

    /// Those on the command line; if there are none, those of the report of --rerun-failed.
    const std::vector<std::string>& named_guests() const {
        return guests.empty() ? guests_before : guests;
    }
};

/// `options` must live as long as `command`.
void add_selection_options(CLI::App* command, SelectionOptions& options);

/// Of these the options that leave tests out. The same.
void add_test_options(CLI::App* command, SelectionOptions& options);

/// Tells `invocation` which guests and files a nested machine must have for it.
void add_inputs(const SelectionOptions& options, Invocation& invocation);

}  // namespace nestbed::vmm
