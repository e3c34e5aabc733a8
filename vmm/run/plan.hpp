// What is run, in which order.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "vmm/run/filter.hpp"
#include "vmm/run/guest_set.hpp"

namespace nestbed::vmm {

struct PlannedTest {
    const Guest* guest;
    const GuestTest* test;
    std::uint64_t repetition;  ///< counts from 1
};

struct PlanOrder {
    std::uint64_t repeat = 1;
    /// The same seed gives the same order, everywhere. Each repetition has another one.
    std::optional<std::uint64_t> shuffle_seed = {};
};

/// The tests of `guests` that `filter` lets through, all of them once before any a second time.
/// `guests` must outlive the plan. Throws Error(bad_input) if nothing is left to run.
std::vector<PlannedTest> make_plan(const GuestSet& guests, const Filter& filter,
                                   const PlanOrder& order);

}  // namespace nestbed::vmm
