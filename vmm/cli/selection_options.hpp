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
    std::vector<std::string> filters;
    std::vector<std::string> tags;
    std::optional<FailedBefore> failed_before;
    std::vector<std::string> guests_before;  ///< of the report of --rerun-failed
    std::optional<Shard> shard;

    /// Those on the command line; if there are none, those of the report of --rerun-failed.
    const std::vector<std::string>& named_guests() const {
        return guests.empty() ? guests_before : guests;
    }
    Selection selection() const { return {Filter(filters), TagFilter(tags), failed_before, shard}; }
};

/// `options` must live as long as `command`.
void add_selection_options(CLI::App* command, SelectionOptions& options);

/// What a nested machine must have of it.
void hand_in(const SelectionOptions& options, Invocation& invocation);

}  // namespace nestbed::vmm
