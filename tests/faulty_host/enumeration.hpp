// Which faults there are, and which of them are tried.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/faulty_host/scenario.hpp"

namespace nestbed::faulty_host {

struct Case {
    const Scenario* scenario;
    Call call;
    Fault fault;
};

/// Each call that can fail, with each of its errors. Of a loop, whose calls are many and alike,
/// `most_of_one` with each error: the first of them, and others by chance.
std::vector<Case> cases_of(const Scenario& scenario, const std::vector<Call>& calls,
                           std::size_t most_of_one, std::uint64_t seed);

/// By chance so many of them, of each call and error as many as of each other if there are.
std::vector<Case> sample_of(std::vector<Case> cases, std::size_t size, std::uint64_t seed);

}  // namespace nestbed::faulty_host
