#include "vmm/analysis/comparison_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "vmm/base/table.hpp"
#include "vmm/base/text.hpp"

namespace nestbed::vmm {

namespace {

std::string value_text(double value, const std::string& unit) {
    if (unit == "ns" && value >= 10'000) {
        return fmt::format("{:.2f} µs", value / 1000);
    }
    return fmt::format("{:.{}f} {}", value, value < 100 ? 1 : 0, printable(unit));
}

std::string percent(double change) {
    constexpr double most = 10;
    return change > most ? "> 1000 %" : fmt::format("{:+.1f} %", change * 100);
}

std::string probability(double p) { return p < 0.001 ? "<0.001" : fmt::format("{:.3f}", p); }

std::vector<std::string> cells_of(const ComparedMeasurement& row) {
    const Difference& d = row.difference;
    const bool unknown = d.low == -1 && !std::isfinite(d.high);
    return {value_text(d.base, row.unit),
            value_text(d.next, row.unit),
            percent(d.change),
            unknown ? "unknown" : percent(d.low),
            unknown ? "unknown" : percent(d.high),
            probability(row.p),
            name_of(row.word)};
}

std::string table_of(const std::vector<ComparedMeasurement>& rows) {
    Table table(
        {{"base"}, {"new"}, {"change"}, {"95 % from"}, {"to"}, {"p"}, {"", Table::Align::left}});
    for (const ComparedMeasurement& row : rows) {
        table.add_row(cells_of(row));
    }
    const std::string figures = table.text(4);
    const std::vector<std::string_view> lines = lines_of(figures);
    constexpr std::size_t head = 1;
    std::string text;
    for (std::size_t n = 0; n < head + rows.size(); ++n) {
        if (n >= head) {
            const ComparedMeasurement& row = rows[n - head];
            text += (row.is_companion ? "  " : "") + printable(row.id) + "\n";
        }
        text += std::string(lines[n]) + "\n";
    }
    return text;
}

}  // namespace

std::string comparison_text(const Comparison& comparison) {
    std::string text;
    if (!comparison.measurements.empty()) {
        text = table_of(comparison.measurements);
    }
    const auto repeated = [](const ComparedMeasurement& row) { return row.difference.repeated; };
    if (!std::ranges::all_of(comparison.measurements, repeated)) {
        text +=
            "\nOne repetition each does not show how VMs of the same kind differ: 3 % are allowed\n"
            "for it. Measure with --repeat 5 to see less.\n";
    }
    std::string below;
    for (const LeftOut& one : comparison.left_out) {
        below += fmt::format("not compared: {}: {}\n", printable(one.id), printable(one.reason));
    }
    for (const HostDifference& one : comparison.host_differences) {
        below += fmt::format("the hosts differ: {}: {}, then {}\n", printable(one.fact),
                             printable(one.base.value_or("not said")),
                             printable(one.next.value_or("not said")));
    }
    return below.empty() || text.empty() ? text + below : text + "\n" + below;
}

}  // namespace nestbed::vmm
