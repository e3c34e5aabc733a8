// Guests that do their worst, each beside others and healthy ones: each ends as expected, the
// program stays small, and nobody is harmed.

#include "tests/hostile/hostile_test.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "tests/hostile/expectations.hpp"

namespace nestbed::test {
namespace {

using nlohmann::json;

/// More VMs than this machine has cores, in an order that puts every kind beside every other.
const std::vector<std::string> side_by_side{"--jobs", "6", "--shuffle", "16"};

std::set<std::string> names_of(const json& tests) {
    std::set<std::string> names;
    for (const json& test : tests) {
        names.insert(test["suite"].get<std::string>() + "." + test["name"].get<std::string>());
    }
    return names;
}

/// Each row that begins with one of these words has a test: else nothing is expected of it.
void expect_rows_used(const json& tests, const std::set<std::string>& suites) {
    const std::set<std::string> names = names_of(tests);
    for (const Expectation& row : expectations()) {
        const std::string suite(row.tests.substr(0, row.tests.find('.')));
        if (suites.contains(suite)) {
            EXPECT_TRUE(std::ranges::any_of(
                names, [&](const std::string& name) { return expectation_of(name) == &row; }))
                << "no test is of the row " << row.tests;
        }
    }
}

std::size_t count_of_suite(const json& tests, std::string_view suite) {
    return static_cast<std::size_t>(
        std::ranges::count_if(tests, [&](const json& test) { return test["suite"] == suite; }));
}

TEST_F(Hostile, GuestsAreJudgedAndHarmNobody) {
    const std::set<std::string> suites{"ring",      "record",    "format", "tables",
                                       "operation", "stack",     "storm",  "port",
                                       "runtime",   "processor", "healthy"};
    std::vector<std::string> guests;
    std::ranges::transform(suites, std::back_inserter(guests), guest);
    const json tests = run(guests, side_by_side);
    EXPECT_GE(tests.size(), 350U);
    EXPECT_EQ(count_of_suite(tests, "healthy"), 16U);
    expect_rows_used(tests, suites);
}

TEST_F(Hostile, FloodsAreBounded) {
    const json tests = run({guest("flood"), guest("healthy")}, {"--jobs", "2", "--shuffle", "16"});
    EXPECT_EQ(count_of_suite(tests, "healthy"), 16U);
    expect_rows_used(tests, {"flood"});
}

TEST_F(Hostile, DebugInformationIsReadWithinBounds) {
    std::vector<std::string> guests{guest("healthy")};
    for (const char* bomb : {"registers", "states", "advances", "entries", "inlines", "loops",
                             "units", "lines", "symbols", "names"}) {
        guests.push_back(guest(bomb));
    }
    const json tests = run(guests, {"--jobs", "2", "--shuffle", "16"});
    EXPECT_EQ(count_of_suite(tests, "healthy"), 16U);
    EXPECT_EQ(count_of_suite(tests, "bomb"), guests.size() - 1);
    for (const json& test : tests) {
        // Whatever was left out, what the guest said is there.
        if (test["suite"] == "bomb") {
            EXPECT_THAT(test["log"].dump(), testing::HasSubstr("a line that arrives"));
        }
    }
}

TEST_F(Hostile, ImpossibleNeedsFailAlone) {
    const json tests = run({guest("needs"), guest("healthy")}, side_by_side);
    EXPECT_EQ(count_of_suite(tests, "healthy"), 16U);
    expect_rows_used(tests, {"needs"});
}

}  // namespace
}  // namespace nestbed::test
