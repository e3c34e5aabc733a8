// Compares walk2d() with a second implementation that is deliberately naive and shares no code with
// it: literal bit numbers, its own walk of each kind of table, random trees. A tenth of
// NESTBED_WALKS in the environment sets how many.

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <random>
#include <string>

#include "random_walk2d.hpp"

namespace nestbed::paging::test {
namespace {

std::size_t walks_wanted() {
    const char* given = std::getenv("NESTBED_WALKS");
    return given == nullptr ? 200'000 : std::strtoull(given, nullptr, 10) / 10;
}

std::string in_words(const Naive& naive) {
    return naive.what + " told " + std::to_string(naive.told) + " at " +
           std::to_string(naive.address) + " size " + std::to_string(naive.size) + " level " +
           std::to_string(naive.level) + " guest-physical " + std::to_string(naive.guest_physical) +
           " reads " + std::to_string(naive.guest_reads) + "+" + std::to_string(naive.nested_reads);
}

TEST(Walk2dProperty, AgreesWithANaiveModel) {
    Generator generator(std::mt19937_64(20'240'301));
    std::map<std::string, std::size_t> seen;
    const std::size_t walks = walks_wanted();
    for (std::size_t i = 0; i < walks; ++i) {
        const std::uint64_t address = generator.linear();
        const Machine machine = generator.machine(address);
        const Access access = generator.access();
        const Naive expected = naive_walk2d(machine, address, access);
        const Naive result = modelled(machine, address, access);
        ASSERT_TRUE(result == expected) << "walk " << i << ": " << in_words(expected)
                                        << "\nbut walk2d() says " << in_words(result);
        ++seen[expected.what + (expected.level > 0 ? " of a guest entry" : "")];
        ++seen["reads " + std::to_string(expected.guest_reads + expected.nested_reads)];
    }
    // A comparison says little about outcomes that never came up.
    for (const char* outcome :
         {"translated", "non canonical", "guest fault", "outside", "outside of a guest entry",
          "violation", "violation of a guest entry", "misconfiguration",
          "misconfiguration of a guest entry", "npf", "npf of a guest entry", "reads 24",
          "reads 35"}) {
        EXPECT_GT(seen[outcome], walks / 5'000) << outcome;
    }
}

}  // namespace
}  // namespace nestbed::paging::test
