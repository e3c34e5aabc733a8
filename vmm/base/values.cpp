#include "vmm/base/values.hpp"

#include <fmt/ranges.h>
#include <strings.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "vmm/base/error.hpp"
#include "vmm/base/host_memory.hpp"
#include "vmm/base/near_words.hpp"

namespace nestbed::vmm {

namespace {

template <typename... Arguments>
[[noreturn]] void refuse(std::string_view option, std::string_view text,
                         fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    throw_error(ErrorKind::usage, "{} {}: {}", option, text,
                fmt::format(format, std::forward<Arguments>(arguments)...));
}

/// What std::from_chars makes of all of `text`, or nothing.
template <typename Number, typename Format>
std::optional<Number> parsed(std::string_view text, Format format) {
    Number value{};
    const char* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, value, format);
    return result.ec == std::errc() && result.ptr == end ? std::optional(value) : std::nullopt;
}

std::optional<std::uint64_t> number(std::string_view text) {
    const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    return parsed<std::uint64_t>(text.substr(hexadecimal ? 2 : 0), hexadecimal ? 16 : 10);
}

/// The power of two that a size's suffix stands for.
std::optional<unsigned> shift_of(const std::string& suffix) {
    static constexpr std::pair<const char*, unsigned> suffixes[]{
        {"", 0},    {"B", 0},    {"K", 10}, {"KB", 10}, {"KiB", 10}, {"M", 20},
        {"MB", 20}, {"MiB", 20}, {"G", 30}, {"GB", 30}, {"GiB", 30}};
    for (const auto& [name, shift] : suffixes) {
        if (::strcasecmp(name, suffix.c_str()) == 0) {
            return shift;
        }
    }
    return std::nullopt;
}

}  // namespace

void refuse_name(std::string_view option, std::string_view text,
                 const std::vector<std::string>& names) {
    refuse(option, text, "there are {}{}", fmt::join(names, ", "), did_you_mean(text, names));
}

std::uint64_t parse_number(std::string_view option, std::string_view text, std::uint64_t least,
                           std::uint64_t most) {
    const auto value = number(text);
    if (!value || *value < least || *value > most) {
        if (most == std::numeric_limits<std::uint64_t>::max()) {
            refuse(option, text, "not a number of at least {}", least);
        }
        refuse(option, text, "not a number from {} to {}", least, most);
    }
    return *value;
}

std::vector<std::uint64_t> parse_range(std::string_view option, std::string_view text,
                                       std::uint64_t least, std::uint64_t most, bool may_be_range) {
    constexpr std::uint64_t longest_range = 4096;
    const std::size_t hyphen = may_be_range ? text.find('-') : std::string_view::npos;
    if (hyphen == std::string_view::npos) {
        return {parse_number(option, text, least, most)};
    }
    if (!number(text.substr(0, hyphen)) || !number(text.substr(hyphen + 1))) {
        refuse(option, text, "not a number, or a range as in 2-4");
    }
    const std::uint64_t first = parse_number(option, text.substr(0, hyphen), least, most);
    const std::uint64_t last = parse_number(option, text.substr(hyphen + 1), least, most);
    if (last < first || last - first >= longest_range) {
        refuse(option, text, "not a range of up to {} numbers, the smaller one first",
               longest_range);
    }
    std::vector<std::uint64_t> numbers(last - first + 1);
    std::iota(numbers.begin(), numbers.end(), first);
    return numbers;
}

std::uint64_t parse_size(std::string_view option, std::string_view text) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto value = number(text.substr(0, digits));
    const auto shift = shift_of(std::string(text.substr(digits)));
    if (!value || !shift) {
        refuse(option, text, "not a size such as 64M or 1G");
    }
    if (*value > std::numeric_limits<std::uint64_t>::max() >> *shift) {
        refuse(option, text, "more than 64 bits can hold");
    }
    return *value << *shift;
}

std::uint64_t parse_memory(std::string_view option, std::string_view text, std::uint64_t least,
                           std::uint64_t most) {
    const std::uint64_t bytes = parse_size(option, text);
    if (bytes < least) {
        refuse(option, text, "a guest needs at least {} MiB", least >> 20);
    }
    if (bytes > most) {
        refuse(option, text, "a guest can have at most {} MiB", most >> 20);
    }
    if (const auto all = host_memory(); all && bytes > *all) {
        refuse(option, text, "this host has only {} MiB", *all >> 20);
    }
    return bytes;
}

double parse_percent(std::string_view option, std::string_view text) {
    constexpr double most = 1000;
    const bool has_sign = text.ends_with('%');
    const auto percent =
        parsed<double>(text.substr(0, text.size() - (has_sign ? 1 : 0)), std::chars_format::fixed);
    // The comparison is false of a NaN.
    if (!has_sign || !percent || !(*percent > 0 && *percent <= most)) {
        refuse(option, text, "not a percentage such as 5%, more than 0% and at most {:.0f}%", most);
    }
    return *percent / 100;
}

std::chrono::milliseconds parse_seconds(std::string_view option, std::string_view text) {
    constexpr double a_day = 24 * 60 * 60;
    const auto seconds = parsed<double>(text, std::chars_format::fixed);
    // The comparison is false of a NaN.
    if (!seconds || !(*seconds >= 0.001 && *seconds <= a_day)) {
        refuse(option, text, "not a number of seconds from 0.001 to {:.0f}", a_day);
    }
    return std::chrono::milliseconds(std::llround(*seconds * 1000));
}

std::pair<std::string, std::uint64_t> parse_assignment(std::string_view option,
                                                       std::string_view text,
                                                       std::size_t most_characters) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0) {
        refuse(option, text, "not of the form NAME=VALUE");
    }
    if (equals > most_characters) {
        refuse(option, text, "a name has at most {} characters", most_characters);
    }
    const auto value = number(text.substr(equals + 1));
    if (!value) {
        refuse(option, text, "the value is not a number (decimal, or hexadecimal with 0x)");
    }
    return {std::string(text.substr(0, equals)), *value};
}

}  // namespace nestbed::vmm
