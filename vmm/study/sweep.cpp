#include "vmm/study/sweep.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include "vmm/result/measurements.hpp"

namespace nestbed::vmm {

namespace {

bool is_same_point(const Point& one, const Point& other) {
    return std::ranges::equal(one.values, other.values, {}, &AxisValue::value, &AxisValue::value);
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
