// What a study found, as tables: made from its description.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/base/table.hpp"
#include "vmm/study/study.hpp"

namespace nestbed::vmm {

/// The leading columns that tell the points of these runs apart: the axes that always are shown,
/// and others of which some run is not at the default.
class AxisColumns {
  public:
    /// `runs` are not empty.
    explicit AxisColumns(const std::vector<const StudyRun*>& runs);
    std::vector<Table::Column> columns() const;
    std::vector<std::string> cells(const Point& point) const;

  private:
    const std::vector<Axis>& axes_;
    std::vector<std::size_t> shown_;
};

/// The median of a test's measurement over that of another one of the same run; nothing without
/// both.
std::optional<double> ratio_of_medians(const TestResult& test, std::string_view measured,
                                       std::string_view floor);

/// The runs that have a row: those that passed, or that failed in a study which shows them, and
/// made the first of the study's measurements.
std::vector<const StudyRun*> runs_with_rows(const Study& study, const StudyRuns& runs);

/// Rows, what KVM counted, and what else the study makes of its runs.
std::vector<Table> tables_of(const Study& study, const StudyRuns& runs);

}  // namespace nestbed::vmm
