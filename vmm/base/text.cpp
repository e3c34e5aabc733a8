#include "vmm/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "shared/paging/text.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::size_t not_utf8 = 0;

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

/// Bytes of the well-formed UTF-8 sequence that `text` starts with (Unicode 15, table 3-7), or
/// `not_utf8`. `text` is not empty.
std::size_t sequence_length(std::string_view text) {
    const auto byte = [&](std::size_t n) { return static_cast<unsigned char>(text[n]); };
    const unsigned char first = byte(0);
    if (first < 0x80) {
        return 1;
    }
    const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() < length ||
        !std::ranges::all_of(text.substr(1, length - 1), is_continuation)) {
        return not_utf8;
    }
    const unsigned char second = byte(1);
    const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
    const bool surrogate = first == 0xED && second > 0x9F;
    const bool beyond_unicode = first == 0xF4 && second > 0x8F;
    return overlong || surrogate || beyond_unicode ? not_utf8 : length;
}

/// U+0000 to U+001F, U+007F, and U+0080 to U+009F, which some terminals obey as well.
bool is_control(std::string_view sequence) {
    const auto first = static_cast<unsigned char>(sequence[0]);
    return first < 0x20 || first == 0x7F ||
           (first == 0xC2 && static_cast<unsigned char>(sequence[1]) < 0xA0);
}

struct Character {
    std::string_view bytes;
    bool is_utf8;  ///< else it is one byte that is part of none
};

/// Takes the first one off `text`, which is not empty.
Character take_character(std::string_view& text) {
    const std::size_t length = sequence_length(text);
    const Character character{text.substr(0, std::max<std::size_t>(length, 1)), length != not_utf8};
    text.remove_prefix(character.bytes.size());
    return character;
}

}  // namespace

std::string printable(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        const auto [bytes, is_utf8] = take_character(text);
        if (is_utf8 && !is_control(bytes)) {
            result += bytes;
            continue;
        }
        for (const char c : bytes) {
            result += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        }
    }
    return result;
}

std::string valid_utf8(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        const auto [bytes, is_utf8] = take_character(text);
        result += is_utf8 ? bytes : "\xEF\xBF\xBD";
    }
    return result;
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        lines.push_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return lines;
}

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
    std::vector<std::string> lines;
    std::string line;
    while (!text.empty()) {
        const std::string_view word = text.substr(0, text.find(' '));
        text.remove_prefix(std::min(word.size() + 1, text.size()));
        if (!line.empty() && width_of(line) + 1 + width_of(word) > width) {
            lines.push_back(std::exchange(line, ""));
        }
        line += (line.empty() ? "" : " ") + std::string(word);
    }
    if (!line.empty()) {
        lines.push_back(line);
    }
    return lines;
}

std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return !is_continuation(c); }));
}

std::string counted(std::uint64_t count, std::string_view noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string size_text(std::uint64_t bytes) {
    paging::Text<32> text;
    return text.append_size(bytes).c_str();
}

std::string duration(double seconds) {
    return seconds < 1 ? fmt::format("{:.1f} ms", seconds * 1000)
                       : fmt::format("{:.2f} s", seconds);
}

}  // namespace nestbed::vmm
