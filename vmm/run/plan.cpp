#include "vmm/run/plan.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <random>
#include <utility>

#include "vmm/base/error.hpp"
#include "vmm/base/text.hpp"

namespace nestbed::vmm {

namespace {

/// Fisher-Yates, spelled out: what std::shuffle makes of a seed is up to each standard library.
void shuffle(std::vector<PlannedTest>& tests, std::mt19937_64& generator) {
    for (std::size_t i = tests.size(); i > 1; --i) {
        std::swap(tests[i - 1], tests[generator() % i]);
    }
}

}  // namespace

Filter::Filter(const std::vector<std::string>& arguments) {
    for (const std::string& argument : arguments) {
        for (const std::string_view pattern : split(argument, ':')) {
            if (!pattern.empty()) {
                patterns_.emplace_back(pattern);
            }
        }
    }
}

bool Filter::matches(const std::string& full_name) const {
    return patterns_.empty() || std::ranges::any_of(patterns_, [&](const std::string& pattern) {
               return ::fnmatch(pattern.c_str(), full_name.c_str(), 0) == 0;
           });
}

std::vector<PlannedTest> make_plan(const GuestSet& guests, const Filter& filter,
                                   const PlanOrder& order, const TestSettings& settings) {
    std::vector<PlannedTest> once;
    for (const Guest& guest : guests) {
        for (const GuestTest& test : guest.tests()) {
            if (filter.matches(test.full_name())) {
                once.push_back({&guest, &test, 1, cpus_of(test, settings)});
            }
        }
    }
    for (const std::string& pattern : filter.patterns()) {
        if (std::ranges::none_of(once, [only = Filter({pattern})](const PlannedTest& test) {
                return only.matches(test.test->full_name());
            })) {
            throw_error(ErrorKind::usage, "no test matches --filter {}", pattern);
        }
    }
    if (once.empty()) {
        throw_error(ErrorKind::usage, "there are no tests in these guests");
    }
    std::mt19937_64 generator(order.shuffle_seed.value_or(0));
    std::vector<PlannedTest> plan;
    for (std::uint64_t repetition = 1; repetition <= order.repeat; ++repetition) {
        std::vector<PlannedTest> round = once;
        for (PlannedTest& test : round) {
            test.repetition = repetition;
        }
        if (order.shuffle_seed) {
            shuffle(round, generator);
        }
        plan.insert(plan.end(), round.begin(), round.end());
    }
    return plan;
}

}  // namespace nestbed::vmm
