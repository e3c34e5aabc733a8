// Distributions as a table: leading columns, samples, and min to max in the unit measured and, of
// cycles, as a time.
#pragma once

#include <string>
#include <vector>

#include "vmm/base/table.hpp"
#include "vmm/result/measurements.hpp"

namespace nestbed::vmm {

struct MeasurementRow {
    std::vector<std::string> leading;  ///< missing cells are empty
    Distribution distribution;
    std::uint64_t tsc_khz = 0;
    std::string marks = {};  ///< of its warnings
};

Table measurement_table(const std::vector<Table::Column>& leading, const std::string& unit,
                        const std::vector<MeasurementRow>& rows);

/// All measurements of a test, one table per unit; empty if it made none.
std::string measurement_tables(const TestResult& test, std::size_t indent,
                               std::size_t width = any_width);

}  // namespace nestbed::vmm
