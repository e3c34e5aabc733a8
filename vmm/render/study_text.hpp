// A study for a person: how far it is, and what it has found.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "vmm/base/text.hpp"
#include "vmm/study/study.hpp"

namespace nestbed::vmm {

/// "[3/40] 24 s, about 7 min left: global, …" while the third of 40 steps runs; what is left is
/// reckoned from the steps that are done, so there is none before the first is.
std::string progress_text(std::size_t done, std::size_t total, double seconds,
                          std::string_view step);

/// Its tables, its notes, and a line for each point that has no row: of neighbours that were
/// skipped for the same reason, one. Tables and paragraphs are not wider than `width`, where that
/// is possible.
std::string study_text(const Study& study, const StudyRuns& runs, std::size_t width = any_width);

/// "doorbell: /bare is 1.01, of 1.05 allowed: good", a line for each figure that has a bar.
std::string bars_text(const Study& study, const StudyRuns& runs);

}  // namespace nestbed::vmm
