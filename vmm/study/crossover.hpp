// From how many pages on it is cheaper to flush everything than page by page.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vmm/result/test_result.hpp"

namespace nestbed::vmm {

struct CrossoverPoint {
    std::uint64_t pages;
    std::uint64_t by_page;  ///< cycles, median
    std::uint64_t full;
};

struct Crossover {
    std::vector<CrossoverPoint> points;  ///< by pages, ascending
    /// The smallest measured page count at which a full flush has the lower median, and has it at
    /// all larger ones as well.
    std::optional<std::uint64_t> full_from;
    /// The measured page count below that: there, page by page is not dearer.
    std::optional<std::uint64_t> by_page_until;
};

/// From a test's measurements "by page" and "full flush", each with its parameter `pages`. What has
/// no counterpart is left out.
Crossover find_crossover(const TestResult& test);
/// In a sentence, compared with Linux's threshold.
std::string crossover_sentence(const std::string& flush, const Crossover& crossover);

}  // namespace nestbed::vmm
