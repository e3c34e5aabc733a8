// A command's description as a manual page, in the man(7) language.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace nestbed::vmm {

/// "nestbed-measure-shootdown" of `nestbed measure shootdown`.
std::string page_name(const CLI::App& command);

/// The page's source. It is the same whenever and wherever it is made.
std::string man_page(CLI::App& command);

}  // namespace nestbed::vmm
