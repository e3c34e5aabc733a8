#include "tests/model/trial.hpp"

#include <algorithm>
#include <iterator>

namespace nestbed::model {

namespace {

constexpr Habits all_habits[] = {
    {.lazy_stores = false, .lazy_interrupts = false},
    {.lazy_stores = true, .lazy_interrupts = false},
    {.lazy_stores = false, .lazy_interrupts = true},
    {.lazy_stores = true, .lazy_interrupts = true},
};

std::string habit_name(Habits habits) {
    return std::string(habits.lazy_stores ? "stores late" : "stores at once") + ", " +
           (habits.lazy_interrupts ? "interrupts late" : "interrupts at once");
}

/// One run; what went wrong, if something did, without the schedule.
std::optional<Failure> run(const Scenario& scenario, Habits habits, Schedule& schedule,
                           const Candidate& candidate) {
    World world(schedule, habits, candidate, scenario);
    const std::optional<std::string> violation = world.machine.run();
    if (!violation) {
        return std::nullopt;
    }
    Failure failure{.scenario = scenario.name + " (" + habit_name(habits) + ")",
                    .what = *violation};
    failure.log = world.machine.log();
    return failure;
}

std::string in_words(const std::vector<std::size_t>& choices) {
    std::string words = "choices";
    for (const std::size_t choice : choices) {
        words += " " + std::to_string(choice);
    }
    return words;
}

std::vector<Scenario> scenarios_for(shootdown::ProtocolId protocol) {
    std::vector<Scenario> those;
    for (const auto* some : {&scenarios(), &mapping_scenarios()}) {
        std::ranges::copy_if(*some, std::back_inserter(those), [&](const Scenario& scenario) {
            return scenario.only.value_or(protocol) == protocol;
        });
    }
    return those;
}

}  // namespace

Trial try_candidate(const Candidate& candidate, const Effort& effort) {
    const std::vector<Scenario> tried = scenarios_for(candidate.id);
    Trial trial;
    const auto failed = [&](std::optional<Failure> failure, const std::string& schedule) {
        ++trial.schedules;
        if (!failure) {
            return false;
        }
        trial.failure = std::move(failure);
        trial.failure->schedule = schedule;
        trial.failure->schedules = trial.schedules;
        return true;
    };
    // At random first: most of what is wrong shows soon in some scenario.
    for (std::uint64_t seed = 1; seed <= effort.random; ++seed) {
        for (const Scenario& scenario : tried) {
            for (const Habits habits : all_habits) {
                RandomSchedule random(seed);
                if (failed(run(scenario, habits, random, candidate),
                           "seed " + std::to_string(seed))) {
                    return trial;
                }
            }
        }
    }
    for (const Scenario& scenario : tried) {
        for (const Habits habits : all_habits) {
            const std::size_t less = scenario.cpus.size() > 2 && effort.bound > 0 ? 1 : 0;
            BoundedSchedules bounded(effort.bound - less);
            do {
                auto failure = run(scenario, habits, bounded, candidate);
                const std::string words = failure ? in_words(bounded.choices()) : "";
                if (failed(std::move(failure), words)) {
                    return trial;
                }
            } while (bounded.next());
        }
    }
    return trial;
}

}  // namespace nestbed::model
