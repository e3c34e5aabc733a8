#include "vmm/study/shootdown_table.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "vmm/base/text.hpp"
#include "vmm/render/human.hpp"
#include "vmm/render/measurement_table.hpp"
#include "vmm/result/measurements.hpp"
#include "vmm/study/kvm_counts_table.hpp"

namespace nestbed::vmm {

namespace {

using Rows = std::vector<const ShootdownResult*>;

std::vector<ShootdownCombination> combinations_of(const Rows& rows) {
    std::vector<ShootdownCombination> result;
    for (const ShootdownResult* row : rows) {
        result.push_back(row->combination);
    }
    return result;
}

/// The combination's cells, and how often a bare round trip fits into its shootdown.
std::vector<std::string> cells_of(const ShootdownResult& result, const CombinationColumns& axes) {
    std::vector<std::string> cells = axes.cells(result.combination);
    const auto ratio = over_bare_round_trip(result.test);
    cells.push_back(ratio ? fmt::format("{:.2f}", *ratio) : "");
    return cells;
}

std::string latency_table(const Rows& results, const CombinationColumns& axes) {
    std::vector<Table::Column> columns = axes.columns();
    const bool compared = std::ranges::any_of(
        results, [](const auto* result) { return over_bare_round_trip(result->test).has_value(); });
    if (compared) {
        columns.push_back({"/bare"});
    }
    std::vector<MeasurementRow> rows;
    const auto add = [&](std::vector<std::string> leading, const TestResult& test,
                         const char* name) {
        if (const MeasurementEvent* found = measurement_named(test, name)) {
            leading.resize(columns.size());
            rows.push_back({std::move(leading), distribution_of(found->histogram), test.tsc_khz});
        }
    };
    for (const ShootdownResult* result : results) {
        const TestResult& test = result->test;
        add(cells_of(*result, axes), test, measurement::shootdown);
        add({"  without steal"}, test, measurement::without_steal);
        add({"  initiator's part"}, test, measurement::initiators_part);
    }
    return measurement_table(std::move(columns), "cycles", rows).text();
}

/// What a shootdown is made of, if the guest measured that.
std::string phase_table(const Rows& results, const CombinationColumns& axes) {
    constexpr std::string_view prefix = "phase ";
    std::vector<MeasurementRow> rows;
    for (const ShootdownResult* result : results) {
        for (const MeasurementEvent& event : result->test.measurements) {
            const std::string_view name = event.name;
            if (!name.starts_with(prefix)) {
                continue;
            }
            std::vector<std::string> leading = axes.cells(result->combination);
            leading.push_back(printable(name.substr(prefix.size())));
            rows.push_back(
                {std::move(leading), distribution_of(event.histogram), result->test.tsc_khz});
        }
    }
    if (rows.empty()) {
        return "";
    }
    std::vector<Table::Column> columns = axes.columns();
    columns.push_back({"phase", Table::Align::left});
    return "\n" + measurement_table(std::move(columns), "cycles", rows).text();
}

std::string counts_table(const Rows& results, const CombinationColumns& axes) {
    std::vector<KvmCountsRow> rows;
    for (const ShootdownResult* result : results) {
        rows.push_back({axes.cells(result->combination), &result->test.kvm_counts});
    }
    return kvm_counts_table(axes.columns(), rows, "shootdown");
}

std::uint64_t median_of(const MeasurementEvent* found) {
    return found == nullptr ? 0 : found->histogram.quantile(50, 100);
}

}  // namespace

std::optional<double> over_bare_round_trip(const TestResult& test) {
    const std::uint64_t shootdown = median_of(measurement_named(test, measurement::shootdown));
    const std::uint64_t bare =
        std::max(median_of(measurement_named(test, measurement::bare_interrupt)),
                 median_of(measurement_named(test, measurement::bare_cache_line)));
    if (shootdown == 0 || bare == 0) {
        return std::nullopt;
    }
    return static_cast<double>(shootdown) / static_cast<double>(bare);
}

std::string shootdown_table(const std::vector<ShootdownResult>& results) {
    Rows rows;
    std::string rest;
    for (const ShootdownResult& result : results) {
        if (result.test.verdict == Verdict::passed &&
            measurement_named(result.test, measurement::shootdown) != nullptr) {
            rows.push_back(&result);
        } else {
            rest += without_row(result.combination.text(), result.test);
        }
    }
    if (rows.empty()) {
        return rest;
    }
    const CombinationColumns axes(combinations_of(rows));
    return latency_table(rows, axes) + phase_table(rows, axes) + counts_table(rows, axes) + rest;
}

}  // namespace nestbed::vmm
