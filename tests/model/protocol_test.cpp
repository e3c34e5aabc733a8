// Every protocol under many schedules of the simulated machine; and every planted bug caught by
// them.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "shared/shootdown/global.hpp"
#include "shared/shootdown/mailbox.hpp"
#include "shared/shootdown/scoreboard.hpp"
#include "tests/model/mutants.hpp"
#include "tests/model/trial.hpp"

namespace nestbed::model {
namespace {

struct Named {
    const char* name;
    Candidate candidate;
};

void PrintTo(const Named& named, std::ostream* out) { *out << named.name; }

class EveryProtocol : public testing::TestWithParam<Named> {};

/// NESTBED_MODEL_BOUND in the environment asks for more: 3 takes about a minute for each protocol.
std::size_t bound() {
    const char* given = std::getenv("NESTBED_MODEL_BOUND");
    return given == nullptr ? 2 : std::strtoull(given, nullptr, 10);
}

TEST_P(EveryProtocol, HoldsWithinTheBound) {
    const Trial trial = try_candidate(GetParam().candidate, {.bound = bound(), .random = 5'000});
    if (trial.failure) {
        FAIL() << trial.failure->scenario << ": " << trial.failure->what << "\n"
               << trial.failure->schedule << ", the " << trial.schedules << "th\n"
               << trial.failure->log;
    }
    std::printf("%s: %llu schedules\n", GetParam().name,
                static_cast<unsigned long long>(trial.schedules));
}

INSTANTIATE_TEST_SUITE_P(
    Model, EveryProtocol,
    testing::Values(Named{"global", with_protocol<shootdown::GlobalShootdown>()},
                    Named{"mailbox", with_protocol<shootdown::MailboxShootdown>()},
                    Named{"mailbox_overlapped",
                          with_protocol<shootdown::OverlappedMailboxShootdown>()},
                    Named{"scoreboard", with_protocol<shootdown::ScoreboardShootdown>()},
                    Named{"early_ack", with_protocol<shootdown::EarlyAckShootdown>()}),
    [](const auto& named) { return std::string(named.param.name); });

class EveryPlantedBug : public testing::TestWithParam<Mutant> {};

TEST_P(EveryPlantedBug, IsCaught) {
    const Trial trial = try_candidate(GetParam().candidate, {.bound = 2, .random = 5'000});
    ASSERT_TRUE(trial.failure) << GetParam().what << ", and " << trial.schedules
                               << " schedules show nothing wrong";
    std::printf("| %s | %s | %s: %s | %llu |\n", GetParam().protocol.c_str(),
                GetParam().what.c_str(), trial.failure->scenario.c_str(),
                trial.failure->what.c_str(), static_cast<unsigned long long>(trial.schedules));
}

INSTANTIATE_TEST_SUITE_P(Model, EveryPlantedBug, testing::ValuesIn(mutants()),
                         [](const auto& mutant) {
                             return mutant.param.protocol + "_" + mutant.param.name;
                         });

// An IPI that overtakes the stores before it, as a write to an x2APIC register may without a fence.
TEST_P(EveryProtocol, NeedsItsStoresVisibleBeforeTheInterrupt) {
    Candidate candidate = GetParam().candidate;
    candidate.fence_before_interrupt = false;
    EXPECT_TRUE(try_candidate(candidate, {}).failure);
}

// A schedule that failed can be run again: the same choices give the same run.
TEST(Schedules, AFailureReplays) {
    for (const Mutant& mutant : mutants()) {
        const Effort effort{.bound = 1, .random = 100};
        const Trial first = try_candidate(mutant.candidate, effort);
        const Trial second = try_candidate(mutant.candidate, effort);
        ASSERT_EQ(first.failure.has_value(), second.failure.has_value());
        if (first.failure) {
            EXPECT_EQ(first.schedules, second.schedules);
            EXPECT_EQ(first.failure->schedule, second.failure->schedule);
            EXPECT_EQ(first.failure->log, second.failure->log);
        }
    }
}

}  // namespace
}  // namespace nestbed::model
