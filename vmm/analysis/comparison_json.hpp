// Comparisons for a program.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "vmm/analysis/compare.hpp"

namespace nestbed::vmm {

/// What is infinite or not known is null: the change of what was 0, the ends of an interval.
nlohmann::ordered_json comparison_json(const Comparison& comparison);

/// Of one base with one result or more. A threshold adds which of them are regressions.
std::string comparison_report(const std::vector<Comparison>& comparisons,
                              std::optional<double> threshold);
/// Within one version keys are added, never renamed, and keep their meaning.
inline constexpr int comparison_schema = 1;

}  // namespace nestbed::vmm
