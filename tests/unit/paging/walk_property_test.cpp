// Compares walk() with a second implementation. Random trees, random accesses, random control
// state. NESTBED_WALKS in the environment sets how many.

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <string>

#include "naive_walk.hpp"

namespace nestbed::paging::test::one_stage {
namespace {

std::size_t walks_wanted() {
    const char* given = std::getenv("NESTBED_WALKS");
    return given == nullptr ? 200'000 : std::strtoull(given, nullptr, 10);
}

TEST(WalkProperty, AgreesWithANaiveModel) {
    Generator generator(std::mt19937_64(20'240'229));
    std::map<std::string, std::size_t> seen;
    const std::size_t walks = walks_wanted();
    for (std::size_t i = 0; i < walks; ++i) {
        const ControlState state = generator.state();
        const Access access = generator.access();
        const std::uint64_t linear = generator.linear(state.la57);
        const std::uint64_t root = 0x1000;
        const Memory memory = generator.memory(root, linear, state);
        const auto read = [&](PhysAddr entry) -> std::optional<std::uint64_t> {
            const auto found = memory.find(entry.raw());
            return found == memory.end() ? std::nullopt : std::optional(found->second);
        };
        const NaiveResult modelled =
            in_naive_terms(walk(read, *Frame4k::from(PhysAddr(root)), linear, access, state));
        const NaiveResult expected = naive_walk(memory, root, linear, access, state);
        ASSERT_TRUE(modelled == expected)
            << "walk " << i << ": " << expected.what << " " << expected.error << " at "
            << expected.physical << ", but walk() says " << modelled.what << " " << modelled.error
            << " at " << modelled.physical;
        ++seen[expected.what + (expected.error == 0 ? "" : " " + std::to_string(expected.error))];
    }
    // A comparison says little about outcomes that never came up.
    for (const char* outcome : {"translated", "non canonical", "outside", "fault 1", "fault 33"}) {
        EXPECT_GT(seen[outcome], walks / 10'000) << outcome;
    }
}

}  // namespace
}  // namespace nestbed::paging::test::one_stage
