#include "vmm/base/terminal_text.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "vmm/base/text.hpp"

namespace nestbed::vmm {

namespace {

constexpr char escape = '\x1b';
constexpr std::string_view passing = "\n\t";

/// Those of vmm/render/paint.hpp.
constexpr std::array<std::string_view, 4> colors{"\x1b[0m", "\x1b[31m", "\x1b[32m", "\x1b[33m"};

/// How much of the end may be the beginning of something.
std::size_t unfinished_end(std::string_view text) {
    const auto is_begun = [](std::string_view end) {
        return std::ranges::any_of(colors, [end](std::string_view color) {
            return end.size() < color.size() && color.starts_with(end);
        });
    };
    if (const std::size_t at = text.rfind(escape); at != text.npos && is_begun(text.substr(at))) {
        return text.size() - at;
    }
    return text.size() - whole_characters(text).size();
}

}  // namespace

std::string TerminalText::take(std::string_view more) {
    std::string all = std::exchange(waiting_, "").append(more);
    const std::size_t end = all.size() - unfinished_end(all);
    waiting_ = all.substr(end);
    std::string shown;
    for (std::string_view left = std::string_view(all).substr(0, end); !left.empty();) {
        const auto color = std::ranges::find_if(
            colors, [left](std::string_view each) { return left.starts_with(each); });
        if (color != colors.end()) {
            shown += *color;
            left.remove_prefix(color->size());
            continue;
        }
        // The first byte is no colour's.
        const std::size_t next = std::min(left.find(escape, 1), left.size());
        shown += printable_but(left.substr(0, next), passing);
        left.remove_prefix(next);
    }
    return shown;
}

std::string TerminalText::rest() { return printable_but(std::exchange(waiting_, ""), passing); }

}  // namespace nestbed::vmm
