// Every protocol under many schedules of the simulated machine; and every planted bug caught by
// them.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "shared/shootdown/protocols.hpp"
#include "tests/model/mutants.hpp"
#include "tests/model/trial.hpp"

namespace nestbed::model {
namespace {

struct Named {
    const char* name;
    Candidate candidate;
};

void PrintTo(const Named& named, std::ostream* out) { *out << named.name; }

/// The deferred protocol with rings that its scenarios fill.
Candidate candidate_of(shootdown::ProtocolId id) {
    if (id == shootdown::ProtocolId::deferred) {
        return with_two_records<shootdown::BasicDeferredShootdown>();
    }
    return shootdown::with_protocol(
        id, [&]<template <typename> typename Protocol>() { return with_protocol<Protocol>(id); });
}

std::vector<Named> all_protocols() {
    return {
#define NESTBED_NAMED(id, name, type, explanation) {#id, candidate_of(shootdown::ProtocolId::id)},
        NESTBED_SHOOTDOWN_PROTOCOLS(NESTBED_NAMED)
#undef NESTBED_NAMED
    };
}

std::vector<Named> protocols_that_interrupt() {
    std::vector<Named> those = all_protocols();
    std::erase_if(those, [](const Named& named) { return !named.candidate.interrupts; });
    return those;
}

std::string name_of_case(const testing::TestParamInfo<Named>& named) { return named.param.name; }

class EveryProtocol : public testing::TestWithParam<Named> {};

/// NESTBED_MODEL_BOUND in the environment asks for more: 3 takes one to ten minutes for each
/// protocol, and longer for `deferred`.
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

INSTANTIATE_TEST_SUITE_P(Model, EveryProtocol, testing::ValuesIn(all_protocols()), name_of_case);

/// A row of the table in docs/shootdown-protocols.md.
void print_row(const std::string& protocol, const std::string& what, const Trial& trial) {
    std::printf("| %s | %s | %s: %s | %llu |\n", protocol.c_str(), what.c_str(),
                trial.failure->scenario.c_str(), trial.failure->what.c_str(),
                static_cast<unsigned long long>(trial.schedules));
}

class EveryPlantedBug : public testing::TestWithParam<Mutant> {};

TEST_P(EveryPlantedBug, IsCaught) {
    const Trial trial = try_candidate(GetParam().candidate, {.bound = 2, .random = 20'000});
    ASSERT_TRUE(trial.failure) << GetParam().what << ", and " << trial.schedules
                               << " schedules show nothing wrong";
    print_row(GetParam().protocol, GetParam().what, trial);
}

INSTANTIATE_TEST_SUITE_P(Model, EveryPlantedBug, testing::ValuesIn(mutants()),
                         [](const auto& mutant) {
                             return mutant.param.protocol + "_" + mutant.param.name;
                         });

// What a protocol asks of its surroundings, it needs.

class EveryProtocolThatInterrupts : public testing::TestWithParam<Named> {};

// An IPI that overtakes the stores before it, as a write to an x2APIC register may without a fence.
TEST_P(EveryProtocolThatInterrupts, NeedsItsStoresVisibleBeforeTheInterrupt) {
    Candidate candidate = GetParam().candidate;
    candidate.flaws.interrupt_overtakes_stores = true;
    EXPECT_TRUE(try_candidate(candidate, {}).failure);
}

INSTANTIATE_TEST_SUITE_P(Model, EveryProtocolThatInterrupts,
                         testing::ValuesIn(protocols_that_interrupt()), name_of_case);

// Whoever changes the tables owes the invalidation before the frame is another's.
TEST_P(EveryProtocol, NeedsThePaymentBeforeWhatIsFreed) {
    Candidate candidate = GetParam().candidate;
    candidate.flaws.given_back_first = true;
    EXPECT_TRUE(try_candidate(candidate, {}).failure);
}

// A CPU that reads the generation when it may have walked the old tables already.
TEST(GenerationProtocol, NeedsToHearOfALoadBeforeCr3IsWritten) {
    Candidate candidate = candidate_of(shootdown::ProtocolId::generation);
    candidate.flaws.loading_after_cr3 = true;
    const Trial trial = try_candidate(candidate, {});
    ASSERT_TRUE(trial.failure);
    print_row("generation", "`loading` is called after CR3 is loaded", trial);
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
