// Two results side by side: what became faster or slower, and what differs between their hosts.
#pragma once

#include <cstdint>
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
    double p = 1;  ///< of the rank test, corrected for all of them
    Word word = Word::cannot_tell;
    std::size_t base_repetitions = 0;
    std::size_t next_repetitions = 0;
};

struct Comparison {
    std::vector<ComparedMeasurement> measurements;  ///< in the order of the base
    /// Those that only one has, or that did not pass there, with the reason.
    std::vector<std::string> left_out;
    /// "kernel: 6.1.0, then 6.18.4".
    std::vector<std::string> host_differences;
};

/// `least`: from which change on a difference matters (word_of).
Comparison compare(const ResultFile& base, const ResultFile& next, double least);

/// Whether a measurement that is no companion became slower by more than `threshold`, 0.05 of 5 %.
bool has_regression(const Comparison& comparison, double threshold);

/// As a table, with what is to be said of it below.
std::string comparison_text(const Comparison& comparison);

}  // namespace nestbed::vmm
