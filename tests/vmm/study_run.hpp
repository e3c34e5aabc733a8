// Running one point of a study.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vmm/study/study.hpp"

namespace nestbed::vmm::test {

using OptionTexts = std::vector<std::pair<std::string, std::string>>;

/// The first point that these options leave.
inline StudyRun run_study(const kvm::System& system, const char* name, const OptionTexts& options) {
    const Study& study = study_chosen(name, options);
    const std::vector<Point> points = points_of(study, options);
    return StudyRunner(system, study, points).run(points.front(), /*memory_report=*/false, {});
}

/// A column that is a number; nothing if there is none.
inline std::optional<double> derived_of(const StudyRun& run, const char* name, const char* title) {
    if (run.test.verdict != Verdict::passed) {
        return std::nullopt;
    }
    const Study& study = study_chosen(name, {});
    const auto column = std::ranges::find(study.derived, title, &Derived::title);
    return column->number(run, {run});
}

/// All values of an axis.
inline std::vector<std::string> names_of_axis(const char* study, const char* axis) {
    std::vector<std::string> names;
    const std::vector<Axis>& axes = study_chosen(study, {}).axes;
    for (const NamedNumber& value : std::ranges::find(axes, axis, &Axis::name)->values) {
        names.push_back(value.name);
    }
    return names;
}

}  // namespace nestbed::vmm::test
