// The small files of /proc and /sys, in each of which the kernel says one thing. What is not there,
// cannot be read or is no answer becomes nothing, so that whoever reports it can say that it is not
// known.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nestbed::vmm {

/// Without its line end; nothing if it is blank.
std::optional<std::string> first_line(const std::filesystem::path& file);

/// Decimal digits and nothing else.
std::optional<std::uint64_t> whole_number(std::string_view text);
std::optional<std::uint64_t> number_in(const std::filesystem::path& file);

/// "1" and "Y", or "0" and "N", as drivers and module parameters have them.
std::optional<bool> flag_in(const std::filesystem::path& file);

/// What is in a folder, in the order of its names; nothing if it is not there or cannot be read.
std::vector<std::filesystem::path> entries_of(const std::filesystem::path& folder);

/// Also false if the way to it is closed to us.
bool is_there(const std::filesystem::path& file);

}  // namespace nestbed::vmm
