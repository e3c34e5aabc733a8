// What is run, in which order, how often, and until when.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "vmm/run/needed_machine.hpp"
#include "vmm/run/selection.hpp"

namespace nestbed::vmm {

struct PlannedTest {
    const Guest* guest;
    const GuestTest* test;
    std::uint64_t repetition;  ///< counts from 1
    std::uint32_t cpus;        ///< vCPUs that it will have
    std::uint64_t memory = 0;  ///< bytes of the host's that it may take
};

inline constexpr std::uint64_t without_end = ~std::uint64_t{0};

enum class RunUntil {
    done,
    first_failure,  ///< no further test is started then
    a_test_fails,   ///< the same, of repetitions that nobody wants to see while all pass
};

struct PlanOrder {
    std::uint64_t repeat = 1;
    /// The same seed gives the same order, everywhere. Each repetition has another one.
    std::optional<std::uint64_t> shuffle_seed = {};
    RunUntil until = RunUntil::done;
};

/// The tests one by one: all of them once before any a second time. It grows with the tests, not
/// with the repetitions.
class Plan {
  public:
    Plan(std::vector<PlannedTest> tests, const PlanOrder& order);
    Plan(const std::vector<SelectedTest>& tests, const PlanOrder& order,
         const TestSettings& settings);

    /// Nothing when all repetitions are through.
    std::optional<PlannedTest> next();

    /// Of one repetition, in no order.
    const std::vector<PlannedTest>& tests() const { return tests_; }
    const PlanOrder& order() const { return order_; }
    /// All of it; `without_end` if that is no number.
    std::uint64_t size() const;
    /// Of the repetition that has begun, what next() has not given out.
    std::vector<PlannedTest> left_of_repetition() const;
    /// Of all behind it; `without_end` if that is no number.
    std::uint64_t count_of_later_repetitions() const;

  private:
    std::vector<PlannedTest> tests_;
    PlanOrder order_;
    std::mt19937_64 generator_;
    std::vector<PlannedTest> repetition_;
    std::size_t given_ = 0;  ///< of the repetition
    std::uint64_t begun_ = 0;
};

}  // namespace nestbed::vmm
