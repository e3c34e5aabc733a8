// Two results side by side: what became faster or slower, and what differs between their hosts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vmm/analysis/statistics.hpp"
#include "vmm/render/result_file.hpp"

namespace nestbed::vmm {

/// A measurement that both results have.
struct ComparedMeasurement {
    std::string id;
    bool is_companion = false;
    std::string unit;  ///< of the medians: as measured, or "ns" where both hosts' TSCs are known
    Difference difference;
    double p = 1;  ///< of the tests, corrected for all of them
    Word word = Word::cannot_tell;
    std::size_t base_repetitions = 0;
    std::size_t next_repetitions = 0;
};

/// One that only one of them has, or that counts in one of them for nothing.
struct LeftOut {
    std::string id;
    std::string reason;
};

/// Nothing on the side that does not say it.
struct HostDifference {
    std::string fact;
    std::optional<std::string> base;
    std::optional<std::string> next;
};

struct Comparison {
    std::string base;  ///< the results' names
    std::string next;
    std::vector<ComparedMeasurement> measurements;  ///< in the order of the base
    std::vector<LeftOut> left_out;
    std::vector<HostDifference> host_differences;
};

/// `least`: from which change on a difference matters (word_of).
Comparison compare(const ResultFile& base, const ResultFile& next, double least);

/// The ids of those that are no companions and became slower by more than `threshold`, 0.05 of 5 %.
std::vector<std::string> regressions_in(const Comparison& comparison, double threshold);

}  // namespace nestbed::vmm
