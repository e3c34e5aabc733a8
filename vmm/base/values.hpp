// The values of options: text to numbers, with limits. Each throws Error(usage) that names the
// option, the value and what would be right.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nestbed::vmm {

/// Throws: `text` is none of the names that `option` may have. Says which are, and which is near.
[[noreturn]] void refuse_name(std::string_view option, std::string_view text,
                              const std::vector<std::string>& names);

/// A decimal number, or one with 0x in front.
std::uint64_t parse_number(std::string_view option, std::string_view text, std::uint64_t least,
                           std::uint64_t most);

/// One number, or if that may be a range, "4-8": all from 4 to 8.
std::vector<std::uint64_t> parse_range(std::string_view option, std::string_view text,
                                       std::uint64_t least, std::uint64_t most, bool may_be_range);

/// Bytes, with an optional suffix K, M or G (powers of 1024; KiB and KB are the same).
std::uint64_t parse_size(std::string_view option, std::string_view text);

/// Guest memory: within these limits and what the host has.
std::uint64_t parse_memory(std::string_view option, std::string_view text, std::uint64_t least,
                           std::uint64_t most);

/// "5%", with fractions, to 0.05; more than none, and up to 1000%.
double parse_percent(std::string_view option, std::string_view text);

/// Seconds, with fractions; more than none.
std::chrono::milliseconds parse_seconds(std::string_view option, std::string_view text);

/// NAME=VALUE, with a name of up to so many characters.
std::pair<std::string, std::uint64_t> parse_assignment(std::string_view option,
                                                       std::string_view text,
                                                       std::size_t most_characters);

}  // namespace nestbed::vmm
