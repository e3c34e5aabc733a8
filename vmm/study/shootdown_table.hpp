// What `nestbed measure shootdown` prints: a table of latencies, what they are made of, what KVM
// did for them, and a line for each combination that has no row.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vmm/study/shootdown_combination.hpp"

namespace nestbed::vmm {

/// The guest's names of its measurements (guest/suites/measure_shootdown.cpp). The first is a
/// combination's row.
namespace measurement {
inline constexpr char shootdown[] = "shootdown";
/// The same without the samples that the host took a vCPU away from.
inline constexpr char without_steal[] = "shootdown without steal";
/// Where the initiator does not wait for its targets: what it does until it goes on.
inline constexpr char initiators_part[] = "initiator's part";
/// The floor under a shootdown, of the same run: one of these.
inline constexpr char bare_interrupt[] = "bare ipi round trip";
inline constexpr char bare_cache_line[] = "bare cache line round trip";
}  // namespace measurement

/// The median of a test's shootdowns over that of its bare round trips; nothing if it lacks one.
std::optional<double> over_bare_round_trip(const TestResult& test);

/// A latency counts only with its proof: a combination whose test failed has no row.
std::string shootdown_table(const std::vector<ShootdownResult>& results);

}  // namespace nestbed::vmm
