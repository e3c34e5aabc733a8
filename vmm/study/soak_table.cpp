#include "vmm/study/soak_table.hpp"

#include <fmt/format.h>

#include <array>

#include "vmm/render/human.hpp"
#include "vmm/render/measurement_table.hpp"
#include "vmm/result/measurements.hpp"
#include "vmm/study/shootdown_table.hpp"

namespace nestbed::vmm {

namespace {

struct Count {
    const char* title;
    const char* parameter;  ///< of the guest's measurement
};

constexpr std::array operations{Count{"maps", "maps"}, Count{"remaps", "remaps"},
                                Count{"protects", "protects"}, Count{"unmaps", "unmaps"}};
constexpr std::array observations{Count{"accesses", "accesses"}, Count{"faults", "faults"},
                                  Count{"stale, legal", "stale_reads"},
                                  Count{"violations", "violations"}};

std::vector<std::string> row_of(const ShootdownResult& result, const MeasurementEvent& soak) {
    std::vector<std::string> cells{name_of(result.combination.protocol),
                                   fmt::format("{}", result.combination.cpus),
                                   fmt::format("{:.1f}", result.test.seconds)};
    for (const Count& count : operations) {
        cells.push_back(parameter_text(soak, count.parameter));
    }
    for (const Count& count : observations) {
        cells.push_back(parameter_text(soak, count.parameter));
    }
    return cells;
}

std::vector<Table::Column> columns() {
    std::vector<Table::Column> result{{"protocol", Table::Align::left}, {"vCPUs"}, {"seconds"}};
    for (const Count& count : operations) {
        result.push_back({count.title, Table::Align::right, "operations"});
    }
    for (const Count& count : observations) {
        result.push_back({count.title, Table::Align::right, "seen by the readers"});
    }
    return result;
}

}  // namespace

std::string soak_table(const std::vector<ShootdownResult>& results) {
    Table table(columns());
    std::string rest;
    for (const ShootdownResult& result : results) {
        const MeasurementEvent* soak = measurement_named(result.test, measurement::shootdown);
        if (soak != nullptr) {
            table.add_row(row_of(result, *soak));
        }
        if (soak == nullptr || result.test.verdict != Verdict::passed) {
            rest += without_row(result.combination.text(), result.test);
        }
    }
    return (table.empty() ? "" : table.text()) + rest;
}

}  // namespace nestbed::vmm
