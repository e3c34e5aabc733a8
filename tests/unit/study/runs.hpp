// Runs of studies as a VM would have left them.
#pragma once

#include "../result/samples.hpp"
#include "vmm/render/study_text.hpp"
#include "vmm/study/study.hpp"

namespace nestbed::vmm::test {

using OptionTexts = std::vector<std::pair<std::string, std::string>>;

inline const Study& study_with(const char* name, const OptionTexts& options = {}) {
    return study_chosen(name, options);
}

/// The only point that these options leave.
inline Point point_at(const char* name, const OptionTexts& options) {
    const std::vector<Point> points = points_of(study_with(name, options), options);
    if (points.size() != 1) {
        throw std::logic_error("several points");
    }
    return points.front();
}

inline MeasurementEvent measured(const char* name, std::initializer_list<std::uint64_t> cycles,
                                 std::vector<MeasurementParameter> parameters = {}) {
    return {name, "cycles", std::move(parameters), histogram_of(cycles)};
}

inline StudyRun run_at(Point point, std::vector<MeasurementEvent> measurements) {
    TestResult result = passed("suite", "test");
    result.measurements = std::move(measurements);
    return {std::move(point), std::move(result)};
}

/// The error's text; empty if there is none.
template <typename Function>
std::string refusal_of(Function&& function) {
    try {
        function();
    } catch (const Error& error) {
        return error.kind() == ErrorKind::usage ? error.what() : "another kind of error";
    }
    return "";
}

}  // namespace nestbed::vmm::test
