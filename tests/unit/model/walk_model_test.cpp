// The model of a processor's table walks: without caches it counts what walk2d() counts; with them,
// what can be counted by hand.

#include "vmm/model/walk_model.hpp"

#include <gtest/gtest.h>

#include "vmm/model/model_tables.hpp"

namespace nestbed::vmm {
namespace {

using paging::PageSize;
using paging::PhysAddr;

constexpr std::uint64_t gib = std::uint64_t{1} << 30;
constexpr std::uint64_t page = 4096;
constexpr std::uint64_t large_page = std::uint64_t{2} << 20;
/// Where the guest's pages are, guest-physical and linear.
constexpr std::uint64_t data = 4 * gib;
constexpr std::uint64_t linear = 8 * gib;
/// Where the second stage puts the guest's tables, of which it may not use the same addresses as
/// for its own.
constexpr std::uint64_t moved = std::uint64_t{1} << 45;

/// Guest tables that map 2 GiB, and a second stage below all that they use.
class Tables {
  public:
    Tables(PageSize guest_leaf, PageSize host_leaf) {
        guest_.map(linear, data, 2 * gib, guest_leaf);
        second_stage_.map(data, data, 2 * gib, host_leaf);
        second_stage_.map(ModelTables::base, moved, gib, host_leaf);
    }

    std::optional<std::uint64_t> operator()(PhysAddr address) const {
        return address.raw() >= moved
                   ? guest_.entry_at(PhysAddr(address.raw() - moved + ModelTables::base))
                   : second_stage_.entry_at(address);
    }

    paging::Frame4k guest_root() const { return guest_.root(); }
    paging::NptStage stage() const { return {.root = second_stage_.root()}; }
    /// Reads the guest's tables where the guest has them.
    auto guest_reader() const {
        return [this](PhysAddr address) { return guest_.entry_at(address); };
    }

  private:
    ModelTables guest_;
    ModelTables second_stage_;
};

/// A model over two stages.
auto nested(const Tables& tables, const TranslationCaches& caches) {
    const auto reader = [&tables](PhysAddr address) { return tables(address); };
    return WalkModel(reader, tables.stage(), tables.guest_root(), {}, caches);
}

/// A model over the guest's tables alone.
auto alone(const Tables& tables, const TranslationCaches& caches) {
    return WalkModel(tables.guest_reader(), paging::NoSecondStage{}, tables.guest_root(), {},
                     caches);
}

std::uint64_t levels_of(PageSize leaf) {
    return 5 - static_cast<std::uint64_t>(paging::leaf_level_of(leaf));
}

constexpr std::array sizes{PageSize::size_4k, PageSize::size_2m, PageSize::size_1g};

TEST(WalkModel, WithoutCachesCountsTheWholeWalk) {
    for (const PageSize guest_leaf : sizes) {
        for (const PageSize host_leaf : sizes) {
            const Tables tables(guest_leaf, host_leaf);
            auto model = nested(tables, {});
            model.access(linear + 5 * page);
            model.access(linear + 5 * page);
            const std::uint64_t g = levels_of(guest_leaf);
            const std::uint64_t h = levels_of(host_leaf);
            EXPECT_EQ(model.counts().accesses, 2U);
            EXPECT_EQ(model.counts().misses, 2U);
            EXPECT_EQ(model.counts().guest_references(), 2 * g);
            EXPECT_EQ(model.counts().second_stage_references(), 2 * (g + 1) * h);
        }
    }
}

TEST(WalkModel, AgreesWithWalk2dOnTheTotal) {
    const Tables tables(PageSize::size_4k, PageSize::size_4k);
    const auto reader = [&](PhysAddr address) { return tables(address); };
    const auto walk = paging::walk2d(reader, tables.stage(), tables.guest_root(), linear,
                                     {.mode = paging::AccessMode::user}, {});
    auto model = nested(tables, {});
    model.access(linear);
    EXPECT_EQ(walk.references.total(), 24U);
    EXPECT_EQ(model.counts().guest_references(), walk.references.guest);
    EXPECT_EQ(model.counts().second_stage_references(), walk.references.second_stage);
}

TEST(WalkModel, WithoutASecondStageCountsTheGuestsEntriesByLevel) {
    const Tables tables(PageSize::size_4k, PageSize::size_4k);
    auto model = alone(tables, {});
    model.access(linear);
    EXPECT_EQ(model.counts().guest, (CountsByLevel{0, 1, 1, 1, 1, 0}));
    EXPECT_EQ(model.counts().second_stage_references(), 0U);
}

TEST(WalkModel, APdeCacheLeavesThePteToRead) {
    const Tables tables(PageSize::size_4k, PageSize::size_4k);
    auto model = alone(tables, {.first_stage = {.pde = 1}});
    model.access(linear);
    model.start_counting();
    model.access(linear + 7 * page);
    EXPECT_EQ(model.counts().guest, (CountsByLevel{0, 1, 0, 0, 0, 0}));
    // Another PDE: nothing of it is cached, and without caches above neither is the way to it.
    model.start_counting();
    model.access(linear + large_page);
    EXPECT_EQ(model.counts().guest, (CountsByLevel{0, 1, 1, 1, 1, 0}));
    // It took the only place.
    model.start_counting();
    model.access(linear);
    EXPECT_EQ(model.counts().guest, (CountsByLevel{0, 1, 1, 1, 1, 0}));
}

TEST(WalkModel, TheLowestLevelThatIsCachedCounts) {
    const Tables tables(PageSize::size_4k, PageSize::size_4k);
    auto model = alone(tables, {.first_stage = {.pml4e = 1, .pdpte = 1, .pde = 1}});
    model.access(linear);
    model.start_counting();
    model.access(linear + large_page);  // same PDPTE, another PDE
    EXPECT_EQ(model.counts().guest, (CountsByLevel{0, 1, 1, 0, 0, 0}));
    model.start_counting();
    model.access(linear + gib);  // same PML4E, another PDPTE
    EXPECT_EQ(model.counts().guest, (CountsByLevel{0, 1, 1, 1, 0, 0}));
}

TEST(WalkModel, ALeafIsInNoPagingStructureCache) {
    const Tables tables(PageSize::size_2m, PageSize::size_2m);
    auto model = alone(tables, {.first_stage = {.pml4e = 4, .pdpte = 4, .pde = 4}});
    model.access(linear);
    model.start_counting();
    model.access(linear);
    EXPECT_EQ(model.counts().guest, (CountsByLevel{0, 0, 1, 0, 0, 0}));
}

TEST(WalkModel, FirstStageCachesSaveTheSecondStageOfWhatTheySkip) {
    const Tables tables(PageSize::size_4k, PageSize::size_4k);
    auto model = nested(tables, {.first_stage = {.pde = 1}});
    model.access(linear);
    model.start_counting();
    model.access(linear + page);
    // The PTE, whose table's place is known, and the final address's four entries.
    EXPECT_EQ(model.counts().guest_references(), 1U);
    EXPECT_EQ(model.counts().second_stage, (CountsByLevel{0, 1, 1, 1, 1, 0}));
    model.start_counting();
    model.access(linear + large_page);
    // Another PDE: all four tables' places, and the final address.
    EXPECT_EQ(model.counts().guest_references(), 4U);
    EXPECT_EQ(model.counts().second_stage, (CountsByLevel{0, 5, 5, 5, 5, 0}));
}

TEST(WalkModel, TheNestedTlbSavesWholeTranslations) {
    const Tables tables(PageSize::size_4k, PageSize::size_4k);
    auto model = nested(tables, {.nested_tlb = 16});
    model.access(linear);
    model.start_counting();
    model.access(linear + page);
    // The four tables' pages are known; the new page is not.
    EXPECT_EQ(model.counts().guest_references(), 4U);
    EXPECT_EQ(model.counts().second_stage_references(), 4U);
}

TEST(WalkModel, DataTakesNoPlaceInTheNestedTlb) {
    const Tables tables(PageSize::size_4k, PageSize::size_4k);
    // As many as the four tables need.
    auto model = nested(tables, {.nested_tlb = 4});
    model.access(linear);
    for (std::uint64_t n = 1; n <= 4; ++n) {
        model.start_counting();
        model.access(linear + n * page);
        EXPECT_EQ(model.counts().second_stage_references(), 4U) << n;
    }
}

TEST(WalkModel, SecondStageCachesLeaveItsLeaves) {
    const Tables tables(PageSize::size_4k, PageSize::size_4k);
    auto model = nested(tables, {.second_stage = {.pde = 8}});
    model.access(linear);
    model.start_counting();
    model.access(linear + page);
    EXPECT_EQ(model.counts().second_stage, (CountsByLevel{0, 5, 0, 0, 0, 0}));
}

TEST(WalkModel, TlbEntriesAreAsLargeAsTheSmallerPage) {
    for (const auto& [guest_leaf, host_leaf] : {std::pair(PageSize::size_2m, PageSize::size_4k),
                                                std::pair(PageSize::size_4k, PageSize::size_2m)}) {
        const Tables tables(guest_leaf, host_leaf);
        auto model = nested(tables, {.tlb_4k = 64, .tlb_2m = 64});
        model.access(linear);
        model.access(linear + page - 1);
        EXPECT_EQ(model.counts().misses, 1U);
        model.access(linear + page);
        EXPECT_EQ(model.counts().misses, 2U);
    }
    const Tables tables(PageSize::size_2m, PageSize::size_2m);
    auto model = nested(tables, {.tlb_4k = 64, .tlb_2m = 64});
    model.access(linear);
    model.access(linear + large_page - 1);
    EXPECT_EQ(model.counts().misses, 1U);
    model.access(linear + large_page);
    EXPECT_EQ(model.counts().misses, 2U);
}

TEST(WalkModel, ACycleThatFitsIntoTheTlbNeverMissesAgain) {
    const Tables tables(PageSize::size_4k, PageSize::size_4k);
    auto model = alone(tables, {.tlb_4k = 100});
    for (int lap = 0; lap < 3; ++lap) {
        for (std::uint64_t n = 0; n < 100; ++n) {
            model.access(linear + n * page);
        }
    }
    EXPECT_EQ(model.counts().misses, 100U);
}

TEST(WalkModel, ACycleThatIsOneTooLongAlwaysMisses) {
    const Tables tables(PageSize::size_4k, PageSize::size_4k);
    auto model = alone(tables, {.tlb_4k = 100});
    for (int lap = 0; lap < 3; ++lap) {
        for (std::uint64_t n = 0; n < 101; ++n) {
            model.access(linear + n * page);
        }
    }
    EXPECT_EQ(model.counts().misses, 303U);
}

TEST(WalkModel, WhatIsNotMappedIsNoMiss) {
    const Tables tables(PageSize::size_4k, PageSize::size_4k);
    auto model = alone(tables, {});
    model.access(linear - page);
    EXPECT_EQ(model.counts().accesses, 1U);
    EXPECT_EQ(model.counts().unmapped, 1U);
    EXPECT_EQ(model.counts().misses, 0U);
    EXPECT_EQ(model.counts().guest_references(), 0U);
}

TEST(LruSet, ReplacesWhatWasUsedLongestAgo) {
    LruSet set(2);
    set.insert(1);
    set.insert(2);
    EXPECT_TRUE(set.use(1));
    set.insert(3);
    EXPECT_FALSE(set.use(2));
    EXPECT_TRUE(set.use(1));
    EXPECT_TRUE(set.use(3));
    set.insert(1);  // again: nothing is replaced
    EXPECT_TRUE(set.use(3));
}

TEST(LruSet, OfNoneHoldsNothing) {
    LruSet set(0);
    set.insert(1);
    EXPECT_FALSE(set.use(1));
}

TEST(TranslationCaches, OfThisHostHaveATlbAndSayWhereFrom) {
    const HostCaches host = caches_of_this_host();
    EXPECT_GT(host.caches.tlb_4k, 0U);
    EXPECT_NE(host.source.find(std::to_string(host.caches.tlb_4k)), std::string::npos);
}

}  // namespace
}  // namespace nestbed::vmm
