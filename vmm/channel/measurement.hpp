// A measurement: what a guest has sent of it, and what the host knows besides.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "shared/channel/record.hpp"
#include "shared/stats/histogram.hpp"

namespace nestbed::vmm {

struct MeasurementParameter {
    std::string name;
    std::variant<std::uint64_t, std::string> value;
    bool is_outcome = false;  ///< it was found by the measurement
};

/// What to know before its figures are believed.
struct Warning {
    enum class Kind {
        few_samples,       ///< for the percentiles that are left out
        stolen,            ///< the host took a core away during samples
        not_side_by_side,  ///< vCPUs shared a core
        disturbed,         ///< too unsteady to divide by
        not_measurable,    ///< a difference that is within what the medians are known by
    };
    Kind kind;
    std::string mark;  ///< beside a row: "84 % stolen"; empty if the row shows it already
    std::string text;  ///< as a sentence
};

struct MeasurementEvent {
    std::string name;
    std::string unit;
    std::vector<MeasurementParameter> parameters;
    stats::Histogram histogram;
    bool counted = false;  ///< KVM's counts, where there are any, are of this
    /// Without one it claims nothing that could be violated.
    std::optional<channel::Proof> proof = {};
    /// In a study: what it is to the measurement called `of`: "floor", "part", …; empty: it is one
    /// by itself.
    std::string is = {};
    std::string of = {};
    std::vector<Warning> warnings = {};
};

}  // namespace nestbed::vmm
