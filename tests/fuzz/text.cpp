// Texts of guests and files on their way to a terminal or a report.

#include <algorithm>

#include "tests/fuzz/target.hpp"
#include "vmm/base/table.hpp"
#include "vmm/base/text.hpp"

namespace nestbed {
namespace {

bool has_no_controls(std::string_view utf8) {
    const auto is_byte = [&](std::size_t at, unsigned least, unsigned most) {
        const auto value = static_cast<unsigned char>(utf8[at]);
        return value >= least && value <= most;
    };
    for (std::size_t at = 0; at < utf8.size(); ++at) {
        const bool is_c1 =
            at + 1 < utf8.size() && is_byte(at, 0xC2, 0xC2) && is_byte(at + 1, 0x80, 0x9F);
        if (is_byte(at, 0, 0x1F) || is_byte(at, 0x7F, 0x7F) || is_c1) {
            return false;
        }
    }
    return true;
}

void check_wrapping(std::string_view text, std::size_t width) {
    std::string words;
    for (const std::string& line : vmm::wrapped(text, width)) {
        const bool is_word = line.find(' ') == line.npos;
        fuzz::require(vmm::width_of(line) <= width || is_word, "only a long word is wider");
        words += line;
    }
    std::string all(text);
    std::erase(words, ' ');
    std::erase(all, ' ');
    fuzz::require(words == all, "no word is lost");
}

void check_table(std::string_view text, std::size_t width) {
    vmm::Table table({{.title = "key", .is_key = true}, {.title = "a"}, {.title = "b"}});
    vmm::Table facts = vmm::Table::of_facts();
    for (const std::string_view line : vmm::lines_of(text)) {
        std::vector<std::string> cells;
        for (const std::string_view cell : vmm::split(line, '\t')) {
            cells.emplace_back(cell);
        }
        cells.resize(3);
        facts.add_row({cells[0], cells[1]});
        table.add_row(std::move(cells));
    }
    static_cast<void>(table.text(2, width));
    static_cast<void>(facts.text(2, width));
}

}  // namespace
}  // namespace nestbed

FUZZ_TARGET(text) {
    using namespace nestbed;
    fuzz::Choices choices(input);
    const std::size_t width = 20 + choices.below(100);
    const std::string text(fuzz::text_of(choices.rest()));
    const std::string shown = vmm::printable(text);
    fuzz::require(has_no_controls(shown), "nothing in it drives a terminal");
    fuzz::require(vmm::valid_utf8(shown) == shown, "what is printed is UTF-8");
    fuzz::require(vmm::printable(shown) == shown, "what can be printed stays as it is");
    const std::string valid = vmm::valid_utf8(text);
    fuzz::require(vmm::valid_utf8(valid) == valid, "what is UTF-8 stays as it is");
    check_wrapping(shown, width);
    static_cast<void>(vmm::paragraphs(text, width));
    check_table(text, width);
}
