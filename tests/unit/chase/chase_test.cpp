// Chains of pointers: whatever their order, one cycle through every node.

#include "shared/chase/chase.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <set>
#include <vector>

namespace nestbed::chase {
namespace {

/// Zeroed pages.
class Pages {
  public:
    explicit Pages(std::uint64_t count)
        : memory_(std::aligned_alloc(page_bytes, count * page_bytes)) {
        std::fill_n(static_cast<char*>(memory_.get()), count * page_bytes, '\0');
    }

    std::uint64_t base() const { return reinterpret_cast<std::uint64_t>(memory_.get()); }

  private:
    struct Free {
        void operator()(void* memory) const { std::free(memory); }
    };
    std::unique_ptr<void, Free> memory_;
};

/// The nodes in the order of the chain, from the first one on and back to it.
template <typename Nodes>
std::vector<std::uint64_t> way_of(const Nodes& nodes) {
    std::vector<std::uint64_t> way;
    std::uint64_t address = nodes.address_of(0);
    do {
        way.push_back(address);
        address = word_at(address);
    } while (address != nodes.address_of(0) && way.size() <= nodes.nodes());
    return way;
}

template <typename Nodes>
void expect_one_cycle(const Nodes& nodes, study::Pattern pattern) {
    link(nodes, pattern, 7);
    const std::vector<std::uint64_t> way = way_of(nodes);
    EXPECT_EQ(way.size(), nodes.nodes());
    EXPECT_EQ(std::set(way.begin(), way.end()).size(), nodes.nodes());
    EXPECT_EQ(length_of_cycle(nodes.address_of(0), nodes.nodes() + 1), nodes.nodes());
}

class ChaseTest : public testing::TestWithParam<study::Pattern> {};

INSTANTIATE_TEST_SUITE_P(Patterns, ChaseTest,
                         testing::Values(study::Pattern::random, study::Pattern::strided),
                         [](const auto& test) { return std::string(name_of(test.param)); });

TEST_P(ChaseTest, ASpreadChainIsOneCycle) {
    for (const std::uint64_t count : {1U, 2U, 3U, 64U, 1000U}) {
        const Pages pages(count);
        expect_one_cycle(Spread{pages.base(), count}, GetParam());
    }
}

TEST_P(ChaseTest, APackedChainIsOneCycle) {
    // Within a block of 1,024 lines, one, and one more; and several.
    for (const std::uint64_t count : {1U, 2U, 63U, 1023U, 1024U, 1025U, 2048U, 5000U}) {
        const Pages pages(count / lines_per_page + 1);
        expect_one_cycle(Packed{pages.base(), count}, GetParam());
    }
}

TEST_P(ChaseTest, APackedChainLeavesABlockOnceOnly) {
    constexpr std::uint64_t block_bytes = 16 * page_bytes;
    const Pages pages(80);
    const Packed nodes{pages.base(), 5000};
    link(nodes, GetParam(), 7);
    const std::vector<std::uint64_t> way = way_of(nodes);
    std::uint64_t crossings = 0;
    for (std::size_t n = 1; n < way.size(); ++n) {
        const auto block_of = [&](std::uint64_t address) {
            return (address - pages.base()) / block_bytes;
        };
        crossings += block_of(way[n]) != block_of(way[n - 1]) ? 1 : 0;
    }
    // Five blocks: into each of the others, and back to the first, of which the rest comes last.
    EXPECT_EQ(crossings, 5U);
}

TEST(Spread, HasOneNodeInEachPageAndUsesAllLinesAlike) {
    const Pages pages(1);
    const Spread nodes{pages.base(), 4096};
    std::vector<std::uint64_t> uses(lines_per_page);
    for (std::uint64_t n = 0; n < nodes.nodes(); ++n) {
        const std::uint64_t offset = nodes.address_of(n) - pages.base();
        EXPECT_EQ(offset / page_bytes, n);
        EXPECT_EQ(offset % line_bytes, 0U);
        ++uses[offset % page_bytes / line_bytes];
    }
    EXPECT_GE(*std::ranges::min_element(uses), 60U);
    EXPECT_LE(*std::ranges::max_element(uses), 68U);
}

TEST(Spread, UsesTheSetsOfACacheAlike) {
    // A second-level cache of 2,048 sets of lines, indexed by the address.
    constexpr std::uint64_t sets = 2048;
    const Spread nodes{0, 16 * sets};
    std::vector<std::uint64_t> uses(sets);
    for (std::uint64_t n = 0; n < nodes.nodes(); ++n) {
        ++uses[nodes.address_of(n) / line_bytes % sets];
    }
    EXPECT_GE(*std::ranges::min_element(uses), 8U);
    EXPECT_LE(*std::ranges::max_element(uses), 24U);
}

TEST(Chase, ARandomChainIsAnotherOneWithAnotherSeed) {
    const Pages pages(64);
    const Spread nodes{pages.base(), 64};
    link(nodes, study::Pattern::random, 1);
    const auto first = way_of(nodes);
    link(nodes, study::Pattern::random, 1);
    EXPECT_EQ(way_of(nodes), first);
    link(nodes, study::Pattern::random, 2);
    EXPECT_NE(way_of(nodes), first);
}

TEST(Chase, FollowEndsWhereSoManyLoadsLead) {
    const Pages pages(10);
    const Spread nodes{pages.base(), 10};
    link(nodes, study::Pattern::strided, 0);
    EXPECT_EQ(follow(nodes.address_of(0), 1), nodes.address_of(1));
    EXPECT_EQ(follow(nodes.address_of(4), 5), nodes.address_of(9));
    EXPECT_EQ(follow(nodes.address_of(4), 13), nodes.address_of(7));
}

TEST(Chase, ABrokenChainIsNoCycle) {
    const Pages pages(10);
    const Spread nodes{pages.base(), 10};
    link(nodes, study::Pattern::strided, 0);
    word_at(nodes.address_of(7)) = nodes.address_of(0);
    EXPECT_EQ(length_of_cycle(nodes.address_of(0), 11), 8U);
    word_at(nodes.address_of(7)) = nodes.address_of(6);
    EXPECT_EQ(length_of_cycle(nodes.address_of(0), 11), 11U);
}

}  // namespace
}  // namespace nestbed::chase
