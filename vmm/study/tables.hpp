// What a study found, as tables: made from its description.
#pragma once

#include <vector>

#include "vmm/base/table.hpp"
#include "vmm/study/study.hpp"

namespace nestbed::vmm {

/// The runs that have a row: those that passed, or that failed in a study which shows them, and
/// made the first of the study's measurements.
std::vector<const StudyRun*> runs_with_rows(const Study& study, const StudyRuns& runs);

/// Rows, what they are made of, what KVM counted, and what else the study makes of its runs.
std::vector<Table> tables_of(const Study& study, const StudyRuns& runs);

}  // namespace nestbed::vmm
