// How far a sweep is, in one line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace nestbed::vmm {

/// "[3/40] 24 s, about 7 min left: global, …" while the third of 40 steps runs; what is left is
/// reckoned from the steps that are done, so there is none before the first is.
std::string progress_text(std::size_t done, std::size_t total, double seconds,
                          std::string_view step);

}  // namespace nestbed::vmm
