// What a study found, for a person.
#pragma once

#include <string>

#include "vmm/study/study.hpp"

namespace nestbed::vmm {

/// Its tables, its notes, and a line for each point that has no row: of neighbours that were
/// skipped for the same reason, one.
std::string study_text(const Study& study, const StudyRuns& runs);

/// "doorbell: /bare is 1.01, of 1.05 allowed: good", a line for each figure that has a bar.
std::string bars_text(const Study& study, const StudyRuns& runs);

}  // namespace nestbed::vmm
