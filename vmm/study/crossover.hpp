// From how many pages on it is cheaper to flush everything than page by page, the refill included.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vmm/result/distribution.hpp"
#include "vmm/result/test_result.hpp"

namespace nestbed::vmm {

struct CrossoverPoint {
    std::uint64_t pages;
    Distribution by_page;
    Distribution full;

    bool full_is_cheaper() const { return full.p50 < by_page.p50; }
};

struct Crossover {
    std::string full_flush;              ///< what it flushes everything with, by name
    std::vector<CrossoverPoint> points;  ///< by pages, ascending
    /// The smallest measured page count at which a full flush has the lower median, and has it at
    /// all larger ones as well.
    std::optional<std::uint64_t> full_from;
    /// The measured page count below that: there, page by page is not dearer.
    std::optional<std::uint64_t> by_page_until;
};

/// From a test's measurements "by page" and "full flush", each with its parameters `pages` and
/// `flush`. What has no counterpart is left out.
Crossover find_crossover(const TestResult& test);

/// In a sentence, compared with Linux's threshold.
std::string crossover_sentence(const Crossover& crossover);

/// Those of the tests that passed, as JSON.
std::string crossovers_json(const std::vector<TestResult>& tests);

/// The table and the sentence; or why there is none.
std::string crossover_text(const TestResult& test);

}  // namespace nestbed::vmm
