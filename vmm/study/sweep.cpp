#include "vmm/study/sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <random>
#include <utility>

#include "vmm/base/error.hpp"
#include "vmm/result/measurements.hpp"

namespace nestbed::vmm {

namespace {

std::vector<std::uint64_t> values_of(const Point& point) {
    std::vector<std::uint64_t> values;
    std::ranges::transform(point.values, std::back_inserter(values), &AxisValue::value);
    return values;
}

/// What tells one step from all others: every input, those that are in no id as well.
std::string key_of(const std::string& study, const std::vector<MeasurementParameter>& inputs,
                   std::uint64_t repetition) {
    std::string key = study.empty() ? "nestbed run" : study;
    for (const MeasurementParameter& input : inputs) {
        std::visit([&](const auto& value) { key += fmt::format(" {}={}", input.name, value); },
                   input.value);
    }
    return key + fmt::format(" repetition {}", repetition);
}

const MeasurementEvent* same_in(const TestResult& test, const TestResult& others,
                                const MeasurementEvent& event) {
    const auto found = std::ranges::find_if(test.measurements, [&](const MeasurementEvent& other) {
        return id_of(test, other) == id_of(others, event);
    });
    return found == test.measurements.end() ? nullptr : &*found;
}

/// What a run would have measured of `event`, which it has not: where nothing was stolen, all of
/// the samples are those without steal. Null for what it cannot have measured.
const MeasurementEvent* stand_in_for(const TestResult& test, const MeasurementEvent& event) {
    return event.is == "without steal" ? measurement_named(test, event.of) : nullptr;
}

void add_outcome(const Study& study, MeasurementEvent& into, const MeasurementEvent& event) {
    for (MeasurementParameter& parameter : into.parameters) {
        auto* number = std::get_if<std::uint64_t>(&parameter.value);
        if (number != nullptr && parameter.is_outcome &&
            std::ranges::count(study.adds_up, parameter.name) != 0) {
            *number += number_named(event, parameter.name).value_or(0);
        }
    }
    if (into.proof && event.proof) {
        into.proof->checks += event.proof->checks;
        into.proof->violations += event.proof->violations;
    }
}

/// Each counts as much as it has operations.
void merge(KvmCounts& into, const KvmCounts& counts) {
    const auto weight = [](const KvmCounts& of) { return static_cast<double>(of.operations); };
    const double all = weight(into) + weight(counts);
    if (all == 0) {
        return;
    }
    for (KvmCount& one : into.counts) {
        one.per_operation *= weight(into) / all;
    }
    for (const KvmCount& one : counts.counts) {
        auto found = std::ranges::find(into.counts, one.name, &KvmCount::name);
        if (found == into.counts.end()) {
            found = into.counts.insert(found, {one.name, 0});
        }
        found->per_operation += one.per_operation * weight(counts) / all;
    }
    into.operations += counts.operations;
    into.empty += counts.empty;
}

void merge(const Study& study, StudyRun& into, const StudyRun& run) {
    for (MeasurementEvent& event : into.test.measurements) {
        const MeasurementEvent* same = same_in(run.test, into.test, event);
        if (same != nullptr) {
            add_outcome(study, event, *same);
        }
        const MeasurementEvent* samples = same == nullptr ? stand_in_for(run.test, event) : same;
        if (samples != nullptr) {
            event.histogram.merge(samples->histogram);
        }
    }
    merge(into.test.kvm_counts, run.test.kvm_counts);
    into.test.seconds += run.test.seconds;
}

/// What only `run` has; before its samples are those of `into` as well.
std::vector<MeasurementEvent> new_measurements(const StudyRun& into, const StudyRun& run) {
    std::vector<MeasurementEvent> all;
    for (const MeasurementEvent& event : run.test.measurements) {
        if (same_in(into.test, run.test, event) == nullptr) {
            MeasurementEvent& added = all.emplace_back(event);
            if (const MeasurementEvent* samples = stand_in_for(into.test, event)) {
                added.histogram.merge(samples->histogram);
            }
        }
    }
    return all;
}

}  // namespace

std::vector<SweepStep> steps_of(const std::vector<Point>& points, const Sweep& sweep) {
    std::vector<SweepStep> steps;
    const std::size_t count = points.size() * sweep.repeat;
    for (std::size_t n = 0; n < count; ++n) {
        steps.push_back(sweep.order == SweepOrder::blocked
                            ? SweepStep{&points[n / sweep.repeat], n % sweep.repeat + 1}
                            : SweepStep{&points[n % points.size()], n / points.size() + 1});
    }
    if (sweep.order == SweepOrder::random) {
        std::mt19937_64 random(sweep.seed);
        // Fisher-Yates, spelled out: what std::shuffle makes of a seed is up to each library.
        for (std::size_t left = steps.size(); left > 1; --left) {
            std::swap(steps[left - 1], steps[random() % left]);
        }
    }
    return steps;
}

std::vector<std::optional<StudyRun>> runs_found(const Study& study,
                                                const std::vector<SweepStep>& steps,
                                                const std::vector<TestResult>& found) {
    std::map<std::string, const TestResult*> by_key;
    for (const TestResult& test : found) {
        by_key[key_of(test.study, test.inputs, test.repetition)] = &test;
    }
    std::vector<std::optional<StudyRun>> runs;
    for (const SweepStep& step : steps) {
        std::optional<StudyRun>& run = runs.emplace_back();
        const auto test = by_key.find(key_of(study.id(), step.point->inputs(), step.repetition));
        if (test != by_key.end()) {
            run = StudyRun{*step.point, *test->second};
            run->test.point = step.point->text();
            relate(study, *run);
            by_key.erase(test);
        }
    }
    if (!by_key.empty()) {
        throw_error(ErrorKind::input,
                    "what was measured before is of other combinations, such as {}: give the same "
                    "options again",
                    by_key.begin()->first);
    }
    return runs;
}

StudyRuns merged(const Study& study, const StudyRuns& runs) {
    StudyRuns all;
    std::map<std::vector<std::uint64_t>, std::size_t> places;  // of points that have passed
    for (const StudyRun& run : runs) {
        const bool passed = run.test.verdict == Verdict::passed;
        const auto [place, is_new] = passed ? places.emplace(values_of(run.point), all.size())
                                            : std::pair(places.end(), true);
        if (is_new) {
            all.push_back(run);
            continue;
        }
        StudyRun& first = all[place->second];
        const std::vector<MeasurementEvent> added = new_measurements(first, run);
        merge(study, first, run);
        std::ranges::copy(added, std::back_inserter(first.test.measurements));
        relate(study, first);
    }
    return all;
}

}  // namespace nestbed::vmm
