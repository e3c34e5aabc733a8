// What a guest's records say, once the host has checked and read them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "shared/channel/record.hpp"
#include "shared/stats/histogram.hpp"

namespace nestbed::vmm {

struct LogLine {
    std::string text;
};

/// An expectation that did not hold.
struct FailedExpectation {
    std::string file;
    std::uint64_t line;
    std::string expression;  ///< as written: "left == right"
    std::string values;      ///< as they were: "1 == 2"
};

struct SkipRequest {
    std::string reason;
};

struct MeasurementParameter {
    std::string name;
    std::variant<std::uint64_t, std::string> value;
};

struct MeasurementEvent {
    std::string name;
    std::string unit;
    std::vector<MeasurementParameter> parameters;
    stats::Histogram histogram;
    bool counted = false;  ///< KVM's counts, where there are any, are of this
    /// Without one it claims nothing that could be violated.
    std::optional<channel::Proof> proof = {};
};

/// A parameter that was looked up, whether it was given or not.
struct ParameterRequest {
    std::string name;
};

struct Event {
    std::uint64_t tsc;
    std::uint32_t cpu;
    /// A measurement is kept elsewhere: with its 15 KiB inside, so would be each log line's event.
    std::variant<LogLine, FailedExpectation, SkipRequest, std::shared_ptr<const MeasurementEvent>,
                 ParameterRequest>
        what;
};

}  // namespace nestbed::vmm
