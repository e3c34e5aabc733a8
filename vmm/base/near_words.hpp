// Which word was meant, where one was typed that is not known.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nestbed::vmm {

/// Letters that must be inserted, removed, replaced or swapped with their neighbour to make `b` of
/// `a`; upper and lower case are the same.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The one of `known` that `word` is most likely a slip for: few letters away, or the only one that
/// begins with it. Nothing if none of them is near.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known);

/// "; did you mean run?", to go behind a message; empty if no word is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& known);

}  // namespace nestbed::vmm
