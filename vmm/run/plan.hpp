// What is run, in which order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vmm/run/guest_set.hpp"
#include "vmm/run/test_runner.hpp"

namespace nestbed::vmm {

/// `--filter`: shell patterns over full test names.
class Filter {
  public:
    /// Arguments of several patterns have colons between them. None at all lets all through.
    explicit Filter(const std::vector<std::string>& arguments);

    /// True if `full_name` ("suite.name") matches one of the patterns (fnmatch: `*`, `?`, `[…]`).
    bool matches(const std::string& full_name) const;

    const std::vector<std::string>& patterns() const { return patterns_; }

  private:
    std::vector<std::string> patterns_;
};

struct PlannedTest {
    const Guest* guest;
    const GuestTest* test;
    std::uint64_t repetition;  ///< counts from 1
    std::uint32_t cpus;        ///< vCPUs that it will have
};

struct PlanOrder {
    std::uint64_t repeat = 1;
    /// The same seed gives the same order, everywhere. Each repetition has another one.
    std::optional<std::uint64_t> shuffle_seed = {};
};

/// The tests of `guests` that `filter` lets through, all of them once before any a second time.
/// `guests` must outlive the plan. Throws Error(usage) if nothing is left to run,
/// or if a pattern of the filter matches nothing.
std::vector<PlannedTest> make_plan(const GuestSet& guests, const Filter& filter,
                                   const PlanOrder& order, const TestSettings& settings = {});

}  // namespace nestbed::vmm
