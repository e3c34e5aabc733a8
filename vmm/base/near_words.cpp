#include "vmm/base/near_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

namespace nestbed::vmm {

namespace {

bool same_letter(char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) ==
           std::tolower(static_cast<unsigned char>(b));
}

/// Of a short word most letters must be right, or any other one would be near.
std::size_t most_slips(std::string_view word) { return std::min<std::size_t>(word.size() / 3, 3); }

bool begins_with(std::string_view text, std::string_view word) {
    return text.size() > word.size() &&
           std::ranges::equal(text.substr(0, word.size()), word, same_letter);
}

/// The only one that begins with `word`, of which there are enough letters to tell.
std::optional<std::string> completion(std::string_view word,
                                      const std::vector<std::string>& known) {
    constexpr std::size_t enough = 3;
    const auto begins = [&](const std::string& text) { return begins_with(text, word); };
    return word.size() >= enough && std::ranges::count_if(known, begins) == 1
               ? std::optional(*std::ranges::find_if(known, begins))
               : std::nullopt;
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
    // Rows of the table of distances between beginnings: the one before the last, the last, this.
    std::vector<std::size_t> older(b.size() + 1);
    std::vector<std::size_t> old(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        row[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        older = std::exchange(old, row);
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const bool same = same_letter(a[i - 1], b[j - 1]);
            row[j] = std::min({old[j] + 1, row[j - 1] + 1, old[j - 1] + (same ? 0 : 1)});
            if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) &&
                same_letter(a[i - 2], b[j - 1])) {
                row[j] = std::min(row[j], older[j - 2] + 1);
            }
        }
    }
    return row.back();
}

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known) {
    constexpr std::size_t longest_word = 64;
    if (word.empty() || word.size() > longest_word || known.empty()) {
        return std::nullopt;
    }
    const auto best = std::ranges::min_element(
        known, {}, [&](const std::string& text) { return edit_distance(word, text); });
    return edit_distance(word, *best) <= most_slips(word) ? std::optional(*best)
                                                          : completion(word, known);
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
    const auto found = nearest(word, known);
    return found ? fmt::format("; did you mean {}?", *found) : "";
}

}  // namespace nestbed::vmm
