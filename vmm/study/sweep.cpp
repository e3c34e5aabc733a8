#include "vmm/study/sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <random>
#include <utility>

#include "vmm/base/error.hpp"
#include "vmm/result/measurements.hpp"

namespace nestbed::vmm {

namespace {

bool is_same_point(const Point& one, const Point& other) {
    return std::ranges::equal(one.values, other.values, {}, &AxisValue::value, &AxisValue::value);
}

/// What tells one step from all others: every input, those that are in no id as well.
std::string key_of(const std::string& study, const std::vector<MeasurementParameter>& inputs,
                   std::uint64_t repetition) {
    std::string key = fmt::format("{}#{}", study, repetition);
    for (const MeasurementParameter& input : inputs) {
        std::visit([&](const auto& value) { key += fmt::format(",{}={}", input.name, value); },
                   input.value);
    }
    return key;
}

void merge(StudyRun& into, const StudyRun& run) {
    TestResult all = run.test;
    for (MeasurementEvent& event : all.measurements) {
        const auto same = [&](const MeasurementEvent& other) {
            return id_of(into.test, other) == id_of(all, event);
        };
        const auto found = std::ranges::find_if(into.test.measurements, same);
        if (found != into.test.measurements.end()) {
            event.histogram.merge(found->histogram);
        }
    }
    into.test = std::move(all);
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
        const TestResult& other = *by_key.begin()->second;
        throw_error(ErrorKind::input,
                    "what was measured before is of other combinations, such as {}/{}: give the "
                    "same options again",
                    other.study, other.point_id);
    }
    return runs;
}

StudyRuns merged(const Study& study, const StudyRuns& runs) {
    StudyRuns all;
    for (const StudyRun& run : runs) {
        const auto first = std::ranges::find_if(all, [&](const StudyRun& other) {
            return is_same_point(other.point, run.point) && other.test.verdict == Verdict::passed &&
                   run.test.verdict == Verdict::passed;
        });
        if (first == all.end()) {
            all.push_back(run);
        } else {
            merge(*first, run);
            relate(study, *first);
        }
    }
    return all;
}

}  // namespace nestbed::vmm
