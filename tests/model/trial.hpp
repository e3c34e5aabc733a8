// Trying a candidate in every scenario, under random schedules and then under every one within a
// bound.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tests/model/scenarios.hpp"

namespace nestbed::model {

struct Effort {
    std::size_t bound = 2;  ///< departures from the ordinary course, all tried; one less with
                            ///< more than two CPUs
    std::uint64_t random = 2'000;  ///< random schedules of each scenario and habit
};

struct Failure {
    std::string scenario;
    std::string what;
    std::string schedule{};       ///< the choices, or the seed
    std::uint64_t schedules = 0;  ///< how many were tried until then
    std::string log{};
};

struct Trial {
    std::uint64_t schedules = 0;
    std::optional<Failure> failure;
};

Trial try_candidate(const Candidate& candidate, const Effort& effort);

}  // namespace nestbed::model
