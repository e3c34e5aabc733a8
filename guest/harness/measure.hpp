// Measurements: a named histogram with the parameters that it was taken under, and what else was
// found.
//
//     static stats::Histogram histogram;   // too large for a stack
//     …histogram.record(cycles)…           // no exit in the timed region
//     report_measurement("round trip", "cycles", histogram,
//                        {number("cpus", 2), outcome(number("stale_reads", stale))}, no_claim);
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <type_traits>

#include "guest/kernel/constant_string.hpp"
#include "shared/channel/record.hpp"
#include "shared/stats/histogram.hpp"

namespace nestbed::guest {

inline channel::Parameter number(ConstantString name, std::uint64_t value) {
    return {name.c_str(), nullptr, value, 0};
}
inline channel::Parameter word(ConstantString name, ConstantString text) {
    return {name.c_str(), text.c_str(), 0, 0};
}
/// Of an enumeration whose values have names, which are constants.
template <typename Id>
requires std::is_enum_v<Id> channel::Parameter word(ConstantString name, Id value) {
    return word(name, ConstantString::unchecked(name_of(value)));
}

/// Of one that says what was found, not what was measured: stale reads, not the number of CPUs.
inline channel::Parameter outcome(channel::Parameter parameter) {
    parameter.outcome = 1;
    return parameter;
}

/// Whether the regions that the test marks (statistics.hpp) are of what is measured: then what
/// KVM counted over them belongs to this measurement.
enum class Counted : bool { no, yes };

/// Of a measurement that claims nothing which could be violated, or whose test sends the proof with
/// another one.
inline constexpr std::nullopt_t no_claim = std::nullopt;

/// Sends a finished histogram; the host has its copy when this returns. At most
/// `channel::max_measurement_parameters` parameters. With violations in its `proof`, or with
/// nothing checked, the test has failed.
void report_measurement(ConstantString name, ConstantString unit, const stats::Histogram& histogram,
                        std::initializer_list<channel::Parameter> parameters,
                        const std::optional<channel::Proof>& proof, Counted counted = Counted::no);

}  // namespace nestbed::guest
