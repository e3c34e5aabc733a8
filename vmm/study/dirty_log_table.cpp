#include "vmm/study/dirty_log_table.hpp"

#include <fmt/format.h>

#include <array>

#include "vmm/base/text.hpp"
#include "vmm/render/human.hpp"
#include "vmm/render/measurement_table.hpp"
#include "vmm/render/table.hpp"
#include "vmm/result/distribution.hpp"
#include "vmm/result/measurements.hpp"

namespace nestbed::vmm {

namespace {

/// The guest's names of its measurements (guest/suites/measure_dirty_log.cpp), in the order in
/// which they happen.
constexpr std::array phases{"populate", "write",       "enable",  "dirty",         "collect",
                            "clear",    "dirty again", "disable", "dirty unlogged"};

std::vector<Table::Column> columns() {
    std::vector<Table::Column> result{
        {"log", Table::Align::left}, {"memory"}, {"vCPUs"}, {"pattern", Table::Align::left}};
    for (const char* phase : phases) {
        result.push_back({phase, Table::Align::right, "ns per page (medians)"});
    }
    result.push_back({"ring full"});
    result.push_back({"missing"});
    return result;
}

/// The median of a phase over the pages that it is for; empty if it is not known.
std::string per_page(const TestResult& test, const char* phase) {
    const MeasurementEvent* found = measurement_named(test, phase);
    if (found == nullptr || found->histogram.count() == 0 || test.tsc_khz == 0) {
        return "";
    }
    const std::uint64_t pages = number_named(*found, "pages").value_or(0);
    if (pages == 0) {
        return "";
    }
    const auto cycles = static_cast<double>(found->histogram.quantile(50, 100));
    return fmt::format("{:.1f}",
                       microseconds(cycles, test.tsc_khz) * 1000 / static_cast<double>(pages));
}

std::vector<std::string> row_of(const DirtyLogCombination& combination, const TestResult& test,
                                const MeasurementEvent& dirty) {
    std::vector<std::string> cells{name_of(combination.log), size_text(combination.memory),
                                   fmt::format("{}", combination.cpus),
                                   name_of(combination.pattern)};
    for (const char* phase : phases) {
        cells.push_back(per_page(test, phase));
    }
    cells.push_back(parameter_text(dirty, "ring_full"));
    cells.push_back(parameter_text(dirty, "missing"));
    return cells;
}

}  // namespace

std::string dirty_log_table(const std::vector<DirtyLogCombination>& combinations,
                            const std::vector<TestResult>& tests) {
    Table table(columns());
    std::string rest;
    for (std::size_t n = 0; n < tests.size(); ++n) {
        const MeasurementEvent* dirty = measurement_named(tests[n], "dirty");
        if (dirty != nullptr) {
            table.add_row(row_of(combinations[n], tests[n], *dirty));
        }
        if (dirty == nullptr || tests[n].verdict != Verdict::passed) {
            rest += without_row(combinations[n].text(), tests[n]);
        }
    }
    return (table.empty() ? "" : table.text()) + rest;
}

}  // namespace nestbed::vmm
