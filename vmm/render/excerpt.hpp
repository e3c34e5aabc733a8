// What reports that somebody reads show of a test that has said more than anybody wants to read:
// the first and the last of it, and how much was left out between them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "vmm/base/first_and_last.hpp"
#include "vmm/base/text.hpp"
#include "vmm/result/test_result.hpp"

namespace nestbed::vmm {

inline constexpr FirstAndLastCounts shown_log_lines{50, 50};
inline constexpr FirstAndLastCounts shown_failures{20, 5};

/// "… 599,900 lines left out".
std::string gap_text(std::uint64_t left_out, std::string_view noun);

/// A text for each of `all` that is shown, and the gap. `left_out` are missing in `all` already,
/// where the gap will be: whoever kept them has kept more of both ends than is shown.
template <typename T, typename Show>
std::vector<std::string> excerpt(const std::vector<T>& all, std::uint64_t left_out,
                                 FirstAndLastCounts shown, std::string_view noun, Show show) {
    const bool has_gap = left_out != 0 || all.size() > shown.first + shown.last;
    std::vector<std::string> texts;
    for (std::size_t n = 0; n < all.size(); ++n) {
        const bool is_first = n < shown.first;
        if (!has_gap || is_first || all.size() - n <= shown.last) {
            texts.push_back(show(all[n]));
        } else if (n == shown.first) {
            texts.push_back(gap_text(left_out + all.size() - shown.first - shown.last, noun));
        }
    }
    return texts;
}

std::vector<std::string> log_excerpt(const Attempt& attempt);

/// Each as a place with what was expected, and after a separator what was found; printable.
std::vector<std::string> failure_excerpt(const Attempt& attempt, std::string_view separator);

}  // namespace nestbed::vmm
