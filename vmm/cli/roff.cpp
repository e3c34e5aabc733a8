#include "vmm/cli/roff.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdint>

#include "vmm/base/text.hpp"

namespace nestbed::vmm::roff {

namespace {

/// What roff would read, or print, as something else.
std::string_view glyph(char character) {
    switch (character) {
        case '\\':
            return "\\(rs";
        case '-':
            return "\\-";
        case '\'':
            return "\\(aq";
        case '"':
            return "\\(dq";
        case '`':
            return "\\(ga";
        case '^':
            return "\\(ha";
        case '~':
            return "\\(ti";
        default:
            return "";
    }
}

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

/// The code point that valid UTF-8 begins with.
std::uint32_t code_point(std::string_view text) {
    const auto first = static_cast<unsigned char>(text.front());
    std::uint32_t value = first < 0xe0 ? first & 0x1fU : first < 0xf0 ? first & 0xfU : first & 7U;
    for (std::size_t n = 1; n < text.size() && is_continuation(text[n]); ++n) {
        value = value << 6 | (static_cast<unsigned char>(text[n]) & 0x3fU);
    }
    return value;
}

std::size_t indentation_of(std::string_view line) {
    return std::min(line.find_first_not_of(' '), line.size());
}

/// Columns, which two blanks or more part, as parts of a sentence.
std::string without_columns(std::string_view text) {
    std::string sentence;
    for (std::size_t gap = text.find("  "); gap != std::string_view::npos; gap = text.find("  ")) {
        sentence += std::string(text.substr(0, gap)) + "; ";
        text.remove_prefix(text.find_first_not_of(' ', gap));
    }
    return sentence + std::string(text);
}

/// A term and what it means, which two blanks part.
struct Item {
    std::string term;
    std::string meaning;
};

Item item_of(std::string_view line) {
    line.remove_prefix(indentation_of(line));
    const std::size_t gap = line.find("  ");
    if (gap == std::string_view::npos) {
        return {std::string(line), ""};
    }
    return {std::string(line.substr(0, gap)),
            without_columns(line.substr(line.find_first_not_of(' ', gap)))};
}

/// Makes the source out of help's lines.
class HelpReader {
  public:
    void add(std::string_view line) {
        line = line.substr(0, line.find_last_not_of(' ') + 1);
        const std::size_t indentation = indentation_of(line);
        if (line.empty()) {
            end_block();
            begins_block_ = true;
            return;
        }
        if (indentation > 2 && !item_.term.empty()) {
            item_.meaning += " " + std::string(line.substr(indentation));
        } else if (indentation > 0) {
            end_block();
            item_ = item_of(line);
        } else if (line.ends_with(':') && begins_block_) {
            add_heading(std::string(line.substr(0, line.size() - 1)));
        } else {
            end_item();
            paragraph_ += " " + std::string(line);
        }
        begins_block_ = false;
    }

    HelpText text() {
        end_block();
        return parts_;
    }

  private:
    void end_item() {
        // Without a meaning it is a line of its own, such as an example that explains itself.
        if (!item_.term.empty()) {
            *part_ += item_.meaning.empty()
                          ? ".IP\n" + filled(bold(item_.term))
                          : ".TP\n" + bold(item_.term) + "\n" + filled(escaped(item_.meaning));
        }
        item_ = {};
    }
    void end_block() {
        end_item();
        if (!paragraph_.empty()) {
            *part_ += ".PP\n" + filled(escaped(paragraph_));
        }
        paragraph_.clear();
    }
    void add_heading(const std::string& title) {
        end_block();
        part_ = &parts_.sections;
        *part_ += title.starts_with("--") ? heading(".SS", "Values of " + title)
                  : title == "Exit codes" ? heading(".SH", "EXIT STATUS")
                                          : heading(".SH", upper_case(title));
    }

    HelpText parts_;
    std::string* part_ = &parts_.introduction;
    std::string paragraph_;
    Item item_;
    bool begins_block_ = true;
};

}  // namespace

std::string escaped(std::string_view text) {
    std::string source;
    for (std::size_t n = 0; n < text.size(); ++n) {
        const std::string_view special = glyph(text[n]);
        if (!special.empty()) {
            source += special;
        } else if (static_cast<unsigned char>(text[n]) < 0x80) {
            source += text[n];
        } else if (!is_continuation(text[n])) {
            source += fmt::format("\\[u{:04X}]", code_point(text.substr(n)));
        }
    }
    return source;
}

std::string bold(std::string_view text) { return "\\fB" + escaped(text) + "\\fR"; }

std::string italic(std::string_view text) { return "\\fI" + escaped(text) + "\\fR"; }

std::string filled(std::string_view escaped_text) {
    constexpr std::size_t columns = 78;
    std::string source;
    for (const std::string& line : wrapped(escaped_text, columns)) {
        // A line that begins with a point is a request. A quote that would begin one is escaped.
        source += (line.starts_with('.') ? "\\&" : "") + line + "\n";
    }
    return source;
}

std::string heading(std::string_view request, std::string_view text) {
    return fmt::format("{} {}\n", request, escaped(text));
}

std::string upper_case(std::string_view text) {
    std::string upper(text);
    std::ranges::transform(upper, upper.begin(), [](unsigned char each) {
        return static_cast<char>(std::toupper(each));
    });
    return upper;
}

HelpText help_text(std::string_view help) {
    HelpReader reader;
    for (const std::string_view line : lines_of(help)) {
        reader.add(line);
    }
    return reader.text();
}

}  // namespace nestbed::vmm::roff
