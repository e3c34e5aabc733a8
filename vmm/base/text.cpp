#include "vmm/base/text.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "shared/paging/text.hpp"

namespace nestbed::vmm {

namespace {

unsigned char byte(char c) { return static_cast<unsigned char>(c); }

bool is_continuation(char c) { return (byte(c) & 0xC0) == 0x80; }

struct Character {
    std::string_view bytes;
    std::optional<char32_t> code;  ///< nothing: it is one byte that is part of no UTF-8
};

/// Takes the first one off `text`, which is not empty.
Character take_character(std::string_view& text) {
    static constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};  // by length
    const unsigned char first = byte(text[0]);
    const std::size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    std::string_view bytes = text.substr(0, length);
    char32_t code = length == 1 ? first : first & (0x7F >> length);
    for (const char c : bytes.substr(1)) {
        code = code << 6 | (byte(c) & 0x3F);
    }
    const bool is_surrogate = code >= 0xD800 && code < 0xE000;
    const bool is_utf8 = !is_continuation(text[0]) && first < 0xF8 && bytes.size() == length &&
                         std::ranges::all_of(bytes.substr(1), is_continuation) &&
                         code >= least.at(length) && code <= 0x10FFFF && !is_surrogate;
    bytes = bytes.substr(0, is_utf8 ? length : 1);
    text.remove_prefix(bytes.size());
    return {bytes, is_utf8 ? std::optional(code) : std::nullopt};
}

struct CodeRange {
    char32_t first;
    char32_t last;
};

/// What does something instead of being seen: C0, DEL and C1 (obeyed by some terminals as well);
/// marks, overrides and isolates that turn the order of what stands around them; line ends of
/// Unicode's own; tags and what is no character at all.
constexpr std::array unseen{
    CodeRange{0x00, 0x1F},     CodeRange{0x7F, 0x9F},     CodeRange{0x061C, 0x061C},
    CodeRange{0x200E, 0x200F}, CodeRange{0x2028, 0x202E}, CodeRange{0x2066, 0x2069},
    CodeRange{0xFEFF, 0xFEFF}, CodeRange{0xFFFE, 0xFFFF}, CodeRange{0xE0000, 0xE007F}};

bool is_control(char32_t code) {
    return std::ranges::any_of(unseen, [code](const CodeRange& range) {
        return code >= range.first && code <= range.last;
    });
}

/// Most of most texts, at once.
bool is_plain(char c) { return byte(c) >= 0x20 && byte(c) < 0x7F; }

/// DEL, and what is not ASCII.
bool is_unusual(char c) { return byte(c) >= 0x7F; }

std::string_view take_plain(std::string_view& text) {
    const auto end = std::ranges::find_if_not(text, is_plain);
    const std::string_view plain = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(plain.size());
    return plain;
}

}  // namespace

std::string printable(std::string_view text) { return printable_but(text, ""); }

std::string printable_but(std::string_view text, std::string_view allowed) {
    std::string result;
    for (;;) {
        result += take_plain(text);
        if (text.empty()) {
            return result;
        }
        const auto [bytes, code] = take_character(text);
        if (code && (!is_control(*code) || allowed.find(bytes) != allowed.npos)) {
            result += bytes;
        } else {
            for (const char c : bytes) {
                result += fmt::format("\\x{:02x}", byte(c));
            }
        }
    }
}

std::string json_printable(std::string json) {
    std::string_view rest = json;
    std::string result;
    result.reserve(json.size());
    while (!rest.empty()) {
        const std::size_t same = std::min(
            static_cast<std::size_t>(std::ranges::find_if(rest, is_unusual) - rest.begin()),
            rest.size());
        result += rest.substr(0, same);
        rest.remove_prefix(same);
        if (rest.empty()) {
            break;
        }
        const auto [bytes, code] = take_character(rest);
        if (code && is_control(*code) && *code < 0x10000) {
            result += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(*code));
        } else {
            result += bytes;
        }
    }
    return result;
}

std::string_view whole_characters(std::string_view text) {
    constexpr std::size_t longest = 4;
    for (std::size_t n = 1; n <= std::min(longest, text.size()); ++n) {
        const unsigned char first = byte(text[text.size() - n]);
        if ((first & 0xC0) != 0x80) {
            const std::size_t length = first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
            return text.substr(0, text.size() - (length > n ? n : 0));
        }
    }
    return text;
}

std::string shortened(std::string_view text, std::size_t most) {
    if (text.size() <= most) {
        return std::string(text);
    }
    return std::string(whole_characters(text.substr(0, most))) + "…";
}

std::string valid_utf8(std::string_view text) {
    std::string result;
    for (;;) {
        result += take_plain(text);
        if (text.empty()) {
            return result;
        }
        const auto [bytes, code] = take_character(text);
        result += code ? bytes : "\xEF\xBF\xBD";
    }
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (std::size_t begin = 0, end = 0; end != std::string_view::npos; begin = end + 1) {
        end = text.find(separator, begin);
        parts.push_back(text.substr(begin, end - begin));
    }
    return parts;
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines = split(text, '\n');
    if (lines.back().empty()) {
        lines.pop_back();
    }
    return lines;
}

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
    std::vector<std::string> lines;
    std::string line;
    std::size_t used = 0;  // of the width, by the line
    while (!text.empty()) {
        const std::string_view word = text.substr(0, text.find(' '));
        text.remove_prefix(std::min(word.size() + 1, text.size()));
        const std::size_t columns = width_of(word);
        if (!line.empty() && used + 1 + columns > width) {
            lines.push_back(std::exchange(line, ""));
        }
        used = line.empty() ? columns : used + 1 + columns;
        (line += line.empty() ? "" : " ") += word;
    }
    if (!line.empty()) {
        lines.push_back(line);
    }
    return lines;
}

std::string paragraphs(std::string_view text, std::size_t width) {
    std::string result;
    for (const std::string_view line : lines_of(text)) {
        result += fmt::format("{}\n", fmt::join(wrapped(line, std::min(width, page_width)), "\n"));
    }
    return result;
}

std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return !is_continuation(c); }));
}

std::string_view first_columns(std::string_view text, std::size_t columns) {
    const auto end = std::ranges::find_if(
        text, [columns](char c) mutable { return !is_continuation(c) && columns-- == 0; });
    return text.substr(0, static_cast<std::size_t>(end - text.begin()));
}

std::string place_text(std::string_view file, std::uint64_t line) {
    return line == 0 ? std::string(file) : fmt::format("{}:{}", file, line);
}

std::string counted(std::uint64_t count, std::string_view noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string grouped(std::uint64_t number) {
    std::string text = std::to_string(number);
    for (std::size_t at = text.size(); at > 3;) {
        at -= 3;
        text.insert(at, ",");
    }
    return text;
}

std::string size_text(std::uint64_t bytes) {
    paging::Text<32> text;
    return text.append_size(bytes).c_str();
}

std::string duration(double seconds) {
    struct Unit {
        const char* name;
        double seconds;
    };
    constexpr std::array units{Unit{"s", 1}, Unit{"ms", 1e-3}, Unit{"µs", 1e-6}, Unit{"ns", 1e-9}};
    // What would be rounded to 1000 is one of the next.
    constexpr double least = 0.9995;
    const auto fits = std::ranges::find_if(
        units, [&](const Unit& unit) { return std::abs(seconds) >= unit.seconds * least; });
    const Unit& unit = fits == units.end() ? units.back() : *fits;
    const double number = seconds / unit.seconds;
    const double size = std::abs(number);
    return fmt::format("{:.{}f} {}", number, size < 9.995 ? 2 : size < 99.95 ? 1 : 0, unit.name);
}

}  // namespace nestbed::vmm
