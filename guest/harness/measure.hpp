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

#include "shared/channel/record.hpp"
#include "shared/stats/histogram.hpp"

namespace nestbed::guest {

inline channel::Parameter number(const char* name, std::uint64_t value) {
    return {name, nullptr, value, 0};
}
inline channel::Parameter word(const char* name, const char* text) { return {name, text, 0, 0}; }

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

/// Sends a finished histogram; the host has its copy when this returns. Names are string
/// literals; at most `channel::max_measurement_parameters` parameters. With violations in its
/// `proof`, or with nothing checked, the test has failed.
void report_measurement(const char* name, const char* unit, const stats::Histogram& histogram,
                        std::initializer_list<channel::Parameter> parameters,
                        const std::optional<channel::Proof>& proof, Counted counted = Counted::no);

}  // namespace nestbed::guest
