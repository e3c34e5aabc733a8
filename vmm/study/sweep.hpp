// In which order the combinations of a study are measured, and how often.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "vmm/study/study.hpp"

namespace nestbed::vmm {

enum class SweepOrder {
    interleaved,  ///< all once before any again: what drifts meanwhile falls on all alike
    blocked,      ///< all repetitions of one before the next
    random,       ///< shuffled, by a seed
};

struct Sweep {
    std::uint64_t repeat = 1;
    SweepOrder order = SweepOrder::interleaved;
    std::uint64_t seed = 1;
};

struct SweepStep {
    const Point* point;
    std::uint64_t repetition;  ///< counts from 1
};

/// `points` must outlive the steps.
std::vector<SweepStep> steps_of(const std::vector<Point>& points, const Sweep& sweep);

/// For each of the steps the run of it that has been found, if there is one. Throws Error(input) if
/// one of `found` belongs to no step: then they are of another sweep.
std::vector<std::optional<StudyRun>> runs_found(const Study& study,
                                                const std::vector<SweepStep>& steps,
                                                const std::vector<TestResult>& found);

/// One run for each point: the samples of those of its repetitions that passed together, what adds
/// up added up, KVM's counts weighed by their operations, and what else the first of them has
/// found. One that did not pass stays as it is.
StudyRuns merged(const Study& study, const StudyRuns& runs);

}  // namespace nestbed::vmm
