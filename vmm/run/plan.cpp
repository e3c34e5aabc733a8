#include "vmm/run/plan.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace nestbed::vmm {

namespace {

/// Fisher-Yates, spelled out: what std::shuffle makes of a seed is up to each standard library.
void shuffle(std::vector<PlannedTest>& tests, std::mt19937_64& generator) {
    for (std::size_t i = tests.size(); i > 1; --i) {
        std::swap(tests[i - 1], tests[generator() % i]);
    }
}

std::vector<PlannedTest> planned(const std::vector<SelectedTest>& tests,
                                 const TestSettings& settings) {
    std::vector<PlannedTest> result;
    std::ranges::transform(tests, std::back_inserter(result), [&](const SelectedTest& one) {
        return PlannedTest{one.guest, one.test, 1, cpus_of(*one.test, settings),
                           host_memory_of(*one.test, settings)};
    });
    return result;
}

}  // namespace

Plan::Plan(std::vector<PlannedTest> tests, const PlanOrder& order)
    : tests_(std::move(tests)), order_(order), generator_(order.shuffle_seed.value_or(0)) {}

Plan::Plan(const std::vector<SelectedTest>& tests, const PlanOrder& order,
           const TestSettings& settings)
    : Plan(planned(tests, settings), order) {}

std::optional<PlannedTest> Plan::next() {
    if (given_ == repetition_.size()) {
        if (tests_.empty() || begun_ == order_.repeat) {
            return std::nullopt;
        }
        ++begun_;
        given_ = 0;
        repetition_ = tests_;
        for (PlannedTest& test : repetition_) {
            test.repetition = begun_;
        }
        if (order_.shuffle_seed) {
            shuffle(repetition_, generator_);
        }
    }
    return repetition_[given_++];
}

std::uint64_t Plan::size() const {
    return order_.repeat == without_end && !tests_.empty() ? without_end
                                                           : order_.repeat * tests_.size();
}

std::vector<PlannedTest> Plan::left_of_repetition() const {
    return {repetition_.begin() + static_cast<std::ptrdiff_t>(given_), repetition_.end()};
}

std::uint64_t Plan::count_of_later_repetitions() const {
    return size() == without_end ? without_end : (order_.repeat - begun_) * tests_.size();
}

}  // namespace nestbed::vmm
