#include "vmm/analysis/compare.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace nestbed::vmm {

namespace {

using Facts = std::map<std::string, std::string>;

/// All repetitions of one measurement.
struct Group {
    const ReadMeasurement* first = nullptr;
    std::string fault;  ///< why it is not to be compared; empty if nothing is wrong with it
    std::set<std::uint64_t> numbers;
    Samples samples;
};

std::string fault_of(const ReadMeasurement& one, const Group& group) {
    return !one.passed                              ? "it did not pass"
           : one.histogram.count() == 0             ? "it has no samples"
           : group.numbers.contains(one.repetition) ? "one repetition has it twice"
           : one.unit != group.first->unit || one.tsc_khz != group.first->tsc_khz
               ? "its repetitions have different units"
               : "";
}

/// By id, in the order in which they come.
std::vector<Group> groups_of(const ResultFile& file) {
    std::vector<Group> groups;
    std::map<std::string, std::size_t> places;
    for (const ReadMeasurement& one : file.measurements) {
        const auto [place, is_new] = places.emplace(one.id, groups.size());
        if (is_new) {
            groups.emplace_back().first = &one;
        }
        Group& group = groups[place->second];
        if (group.fault.empty()) {
            group.fault = fault_of(one, group);
        }
        group.numbers.insert(one.repetition);
        group.samples.repetitions.push_back(&one.histogram);
    }
    return groups;
}

/// Empty if they can be compared.
std::string objection_to(const Group& base, const Group& next) {
    if (!base.fault.empty() || !next.fault.empty()) {
        return base.fault.empty() ? "in the new one " + next.fault : "in the base " + base.fault;
    }
    if (base.first->unit != next.first->unit) {
        return "its units differ: " + base.first->unit + ", " + next.first->unit;
    }
    const bool one_is_unknown = (base.first->tsc_khz == 0) != (next.first->tsc_khz == 0);
    return base.first->unit == "cycles" && one_is_unknown
               ? "the frequency of the TSC is known in one of them only"
               : "";
}

ComparedMeasurement compared(const Group& base, const Group& next) {
    Samples base_samples = base.samples;
    Samples next_samples = next.samples;
    std::string unit = base.first->unit;
    if (unit == "cycles" && base.first->tsc_khz != 0) {
        constexpr double ns_per_ms = 1e6;
        base_samples.scale = ns_per_ms / static_cast<double>(base.first->tsc_khz);
        next_samples.scale = ns_per_ms / static_cast<double>(next.first->tsc_khz);
        unit = "ns";
    }
    return {.id = base.first->id,
            .is_companion = base.first->is_companion,
            .unit = unit,
            .difference = difference_of(base_samples, next_samples),
            .base_repetitions = base_samples.repetitions.size(),
            .next_repetitions = next_samples.repetitions.size()};
}

/// With what is to be said of them all at once.
void judge_all(std::vector<ComparedMeasurement>& rows, double least) {
    std::vector<double> probabilities;
    probabilities.reserve(rows.size());
    for (const ComparedMeasurement& row : rows) {
        probabilities.push_back(row.difference.p);
    }
    const std::vector<double> all = corrected(probabilities);
    for (std::size_t n = 0; n < rows.size(); ++n) {
        rows[n].p = all[n];
        rows[n].word = word_of(rows[n].difference, rows[n].p, least, rows[n].unit);
    }
}

std::vector<HostDifference> differences_of(const Facts& base, const Facts& next) {
    Facts all = base;
    all.insert(next.begin(), next.end());
    const auto value_in = [](const Facts& facts, const std::string& name) {
        const auto found = facts.find(name);
        return found == facts.end() ? std::nullopt : std::optional(found->second);
    };
    std::vector<HostDifference> differences;
    for (const auto& [name, value] : all) {
        if (value_in(base, name) != value_in(next, name)) {
            differences.push_back({name, value_in(base, name), value_in(next, name)});
        }
    }
    return differences;
}

}  // namespace

Comparison compare(const ResultFile& base, const ResultFile& next, double least) {
    Comparison comparison;
    comparison.base = base.environment;
    comparison.next = next.environment;
    comparison.host_differences = differences_of(base.facts, next.facts);
    const std::vector<Group> bases = groups_of(base);
    const std::vector<Group> nexts = groups_of(next);
    std::map<std::string_view, const Group*> by_id;
    for (const Group& other : nexts) {
        by_id.emplace(other.first->id, &other);
    }
    for (const Group& one : bases) {
        const auto other = by_id.extract(one.first->id);
        const std::string why =
            other.empty() ? "only the base has it" : objection_to(one, *other.mapped());
        if (why.empty()) {
            comparison.measurements.push_back(compared(one, *other.mapped()));
        } else {
            comparison.left_out.push_back({one.first->id, why});
        }
    }
    for (const Group& other : nexts) {
        if (by_id.contains(other.first->id)) {
            comparison.left_out.push_back({other.first->id, "only the new one has it"});
        }
    }
    judge_all(comparison.measurements, least);
    return comparison;
}

std::vector<std::string> regressions_in(const Comparison& comparison, double threshold) {
    std::vector<std::string> ids;
    for (const ComparedMeasurement& row : comparison.measurements) {
        if (!row.is_companion && row.word == Word::slower && row.difference.change > threshold) {
            ids.push_back(row.id);
        }
    }
    return ids;
}

}  // namespace nestbed::vmm
