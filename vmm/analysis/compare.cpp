#include "vmm/analysis/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "vmm/base/table.hpp"
#include "vmm/base/text.hpp"

namespace nestbed::vmm {

namespace {

/// All repetitions of one measurement that count.
struct Group {
    std::string id;
    bool is_companion = false;
    std::string unit;
    std::uint64_t tsc_khz = 0;
    bool failed = false;  ///< one of them did not pass: its times are not to be trusted
    Repetitions repetitions;
};

/// By id, in the order in which they come.
std::vector<Group> groups_of(const ResultFile& file) {
    std::vector<Group> groups;
    std::map<std::string, std::size_t> places;
    for (const ReadMeasurement& one : file.measurements) {
        const auto [place, is_new] = places.emplace(one.id, groups.size());
        if (is_new) {
            groups.push_back({one.id, one.is_companion, one.unit, one.tsc_khz, false, {}});
        }
        Group& group = groups[place->second];
        group.failed = group.failed || !one.passed || one.histogram.count() == 0;
        group.repetitions.push_back(&one.histogram);
    }
    return groups;
}

/// Cycles of two hosts' TSCs are compared as times.
void scale_to_time(ComparedMeasurement& row, std::uint64_t base_khz, std::uint64_t next_khz) {
    if (row.unit != "cycles" || base_khz == 0 || next_khz == 0) {
        return;
    }
    constexpr double ns_per_ms = 1e6;
    const double factor = static_cast<double>(base_khz) / static_cast<double>(next_khz);
    Difference& d = row.difference;
    d.base *= ns_per_ms / static_cast<double>(base_khz);
    d.next *= ns_per_ms / static_cast<double>(next_khz);
    for (double* change : {&d.change, &d.low, &d.high}) {
        *change = (1 + *change) * factor - 1;
    }
    row.unit = "ns";
}

std::string value_text(double value, const std::string& unit) {
    if (unit == "ns" && value >= 10'000) {
        return fmt::format("{:.2f} µs", value / 1000);
    }
    return fmt::format("{:.{}f} {}", value, value < 100 ? 1 : 0, printable(unit));
}

std::string percent(double change) { return fmt::format("{:+.1f} %", change * 100); }

std::vector<std::string> differences_of(const std::map<std::string, std::string>& base,
                                        const std::map<std::string, std::string>& next) {
    std::set<std::string> names;
    for (const auto* facts : {&base, &next}) {
        for (const auto& [name, value] : *facts) {
            names.insert(name);
        }
    }
    const auto value = [](const std::map<std::string, std::string>& facts,
                          const std::string& name) {
        const auto found = facts.find(name);
        return found == facts.end() ? "not said" : found->second;
    };
    std::vector<std::string> differences;
    for (const std::string& name : names) {
        if (value(base, name) != value(next, name)) {
            differences.push_back(
                fmt::format("{}: {}, then {}", name, value(base, name), value(next, name)));
        }
    }
    return differences;
}

}  // namespace

Comparison compare(const ResultFile& base, const ResultFile& next, double least) {
    Comparison comparison;
    comparison.host_differences = differences_of(base.facts, next.facts);
    const std::vector<Group> others = groups_of(next);
    std::set<std::string> joined;
    for (const Group& one : groups_of(base)) {
        const auto other = std::ranges::find(others, one.id, &Group::id);
        joined.insert(one.id);
        const std::string why = other == others.end() ? "only in " + base.environment
                                : one.failed          ? "it failed in " + base.environment
                                : other->failed       ? "it failed in " + next.environment
                                : other->unit != one.unit
                                    ? "its units differ: " + one.unit + ", " + other->unit
                                    : "";
        if (!why.empty()) {
            comparison.left_out.push_back(one.id + ": " + why);
            continue;
        }
        ComparedMeasurement row{.id = one.id,
                                .is_companion = one.is_companion,
                                .unit = one.unit,
                                .difference = difference_of(one.repetitions, other->repetitions),
                                .base_repetitions = one.repetitions.size(),
                                .next_repetitions = other->repetitions.size()};
        scale_to_time(row, one.tsc_khz, other->tsc_khz);
        comparison.measurements.push_back(std::move(row));
    }
    for (const Group& other : others) {
        if (!joined.contains(other.id)) {
            comparison.left_out.push_back(other.id + ": only in " + next.environment);
        }
    }
    std::vector<double> probabilities;
    for (const ComparedMeasurement& row : comparison.measurements) {
        probabilities.push_back(row.difference.p);
    }
    const std::vector<double> all = corrected(probabilities);
    for (std::size_t n = 0; n < all.size(); ++n) {
        ComparedMeasurement& row = comparison.measurements[n];
        row.p = all[n];
        row.word = word_of(row.difference, row.p, least);
    }
    return comparison;
}

bool has_regression(const Comparison& comparison, double threshold) {
    return std::ranges::any_of(comparison.measurements, [&](const ComparedMeasurement& row) {
        return !row.is_companion && row.word == Word::slower && row.difference.change > threshold;
    });
}

std::string comparison_text(const Comparison& comparison) {
    Table table({{"measurement", Table::Align::left},
                 {"base"},
                 {"new"},
                 {"change"},
                 {"from", Table::Align::right, "95 % interval"},
                 {"to", Table::Align::right, "95 % interval"},
                 {"p"},
                 {"", Table::Align::left}});
    bool any_single = false;
    for (const ComparedMeasurement& row : comparison.measurements) {
        const Difference& d = row.difference;
        any_single = any_single || !d.repeated;
        table.add_row({(row.is_companion ? "  " : "") + printable(row.id),
                       value_text(d.base, row.unit), value_text(d.next, row.unit),
                       percent(d.change), percent(d.low), percent(d.high),
                       fmt::format("{:.3f}", row.p), name_of(row.word)});
    }
    std::string text = table.text();
    if (any_single) {
        text +=
            "\nOne repetition each: how VMs of the same kind differ among each other is not "
            "known.\nMeasure with --repeat 5 to see smaller changes than 3 %.\n";
    }
    for (const std::string& left_out : comparison.left_out) {
        text += "\nnot compared: " + printable(left_out);
    }
    for (const std::string& difference : comparison.host_differences) {
        text += "\nthe hosts differ: " + printable(difference);
    }
    return text.ends_with('\n') ? text : text + "\n";
}

}  // namespace nestbed::vmm
