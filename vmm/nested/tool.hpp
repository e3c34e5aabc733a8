// Programs of the system that do one thing and end: their output, or an error that says what they
// said.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace nestbed::vmm {

/// Runs `command` in `directory` (empty: here) and returns its standard output. Throws
/// Error(no_kvm) if it fails, with the last line that it wrote to its standard error.
std::string output_of(const std::vector<std::string>& command,
                      const std::filesystem::path& directory = {});

/// The last line of `text` that is not empty.
std::string last_line(std::string_view text);

}  // namespace nestbed::vmm
