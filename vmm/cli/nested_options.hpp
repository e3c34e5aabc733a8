// The options of `nestbed nested`.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "vmm/nested/settings.hpp"

namespace nestbed::vmm {

struct NestedOptions {
    NestedSettings settings;
    std::chrono::milliseconds silence{120'000};  ///< a machine that says nothing for so long hangs
    std::optional<std::filesystem::path> cache;  ///< nothing: the default one
    std::filesystem::path kernel;                ///< empty: the one in the cache
    std::filesystem::path modules;
    std::filesystem::path program;            ///< empty: this one
    std::vector<std::filesystem::path> with;  ///< to be in the machine
    std::vector<std::string> command;         ///< or the program's arguments
};

/// `options` must outlive the parsing.
void add_nested_options(CLI::App* command, NestedOptions& options);

}  // namespace nestbed::vmm
