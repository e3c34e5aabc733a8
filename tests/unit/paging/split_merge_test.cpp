#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <utility>

#include "shared/paging/mapper.hpp"
#include "shared/paging/walk.hpp"
#include "table_pool.hpp"
#include "tree_check.hpp"
#include "typed.hpp"

namespace nestbed::paging::test {
namespace {

using Pool = TablePool<16>;

/// `T` is the level of the large leaf.
template <typename T>
class SplitMerge : public testing::Test {
  public:
    static constexpr Level level = T::value;
    static constexpr PageSize size = leaf_size_of(level);
    static constexpr PageSize smaller = leaf_size_of(below(level));
    static constexpr auto page() { return Page<size>::template at<0x1234'4000'0000>(); }
    static constexpr auto frame() { return Frame<size>::template at<0xab'4000'0000>(); }
    static Flags flags() { return *Flags(read | write | user).with_pat().with_protection_key(5); }
    static constexpr std::uint64_t extra = bits::available_low | bits::available_high;

    void SetUp() override { ASSERT_TRUE(mapper.map(page(), frame(), flags())); }

    std::uint64_t& large_slot() { return slot(pool, page().address(), level); }
    std::uint64_t& small_slot(std::size_t index) {
        return slot(pool, page().address() + index * bytes_of(smaller), below(level));
    }

    void split() {
        auto stale = mapper.split(page());
        ASSERT_TRUE(stale);
        EXPECT_TRUE(stale->owed());
        std::move(*stale).invalidate(invalidator);
        EXPECT_EQ(invalidator.range, PageRange::of(page()));
    }

    ErrorKind merge_error() {
        const auto before = snapshot(pool);
        const ErrorKind kind = mapper.merge(page()).error().kind;
        EXPECT_EQ(snapshot(pool), before);
        return kind;
    }

    std::unique_ptr<Pool> holder = std::make_unique<Pool>();
    Pool& pool = *holder;
    Mapper<Pool::Window, Pool> mapper = pool.mapper();
    RecordingInvalidator invalidator;
};
TYPED_TEST_SUITE(SplitMerge, LargeLeafLevels, LevelName);

TYPED_TEST(SplitMerge, SplitsIntoPagesThatMapTheSame) {
    this->large_slot() |= bits::accessed | bits::dirty | TestFixture::extra;
    this->split();
    const auto pages = mapped_pages(this->pool);
    ASSERT_EQ(pages.size(), entries_per_table);
    for (std::size_t i = 0; i < pages.size(); ++i) {
        const std::uint64_t offset = i * bytes_of(TestFixture::smaller);
        EXPECT_EQ(pages[i].page, this->page().address() + offset);
        EXPECT_EQ(pages[i].frame, this->frame().address() + offset);
        EXPECT_EQ(pages[i].size, TestFixture::smaller);
        EXPECT_EQ(pages[i].flags, this->flags());
        const std::uint64_t kept = bits::accessed | bits::dirty | TestFixture::extra;
        EXPECT_EQ(pages[i].raw & kept, kept);
    }
}

TYPED_TEST(SplitMerge, MergesBackIntoWhatItWas) {
    this->large_slot() |= TestFixture::extra;
    const std::uint64_t before = this->large_slot();
    const std::size_t used = this->pool.used();
    this->split();
    EXPECT_EQ(this->pool.used(), used + 1);
    auto table = this->mapper.merge(this->page());
    ASSERT_TRUE(table);
    EXPECT_EQ(table->stale().pages, entries_per_table);
    EXPECT_EQ(table->stale().size, TestFixture::smaller);
    auto done = std::move(*table).invalidate(this->invalidator);
    EXPECT_TRUE(this->invalidator.frees_tables);
    EXPECT_EQ(this->pool.used(), used + 1) << "the table is freed by reclaim, not before";
    this->mapper.reclaim(std::move(done));
    EXPECT_EQ(this->pool.used(), used);
    EXPECT_EQ(this->large_slot(), before);
    EXPECT_FALSE(this->pool.gave_back_dirty());
}

TYPED_TEST(SplitMerge, AMergedPageIsDirtyIfAnyPartIsOrBecomesSo) {
    this->split();
    this->small_slot(100) |= bits::dirty;
    auto early = this->mapper.merge(this->page());
    this->mapper.reclaim(std::move(*early).invalidate(this->invalidator));
    EXPECT_EQ(this->large_slot() & processor_bits, bits::dirty);

    this->large_slot() &= ~bits::dirty;
    this->split();
    std::uint64_t& part = this->small_slot(511);
    auto table = this->mapper.merge(this->page());
    const auto last_write = [&](const Invalidation&) { part |= processor_bits; };
    this->mapper.reclaim(std::move(*table).invalidate(last_write));
    EXPECT_EQ(this->large_slot() & processor_bits, processor_bits);
}

TYPED_TEST(SplitMerge, UntilReclaimedThePageIsNobodys) {
    this->split();
    auto table = this->mapper.merge(this->page());
    ASSERT_TRUE(table);
    EXPECT_EQ(walk(this->pool.reader(), Pool::root(), this->page().address().raw(), {}, {}).outcome,
              WalkOutcome::page_fault)
        << "no processor caches either size meanwhile";
    const PageRange range = PageRange::of(this->page());
    EXPECT_EQ(this->mapper.unmap(this->page()).error().kind, ErrorKind::not_exist);
    EXPECT_EQ(this->mapper.map(this->page(), this->frame(), this->flags()).error().kind,
              ErrorKind::occupied);
    EXPECT_EQ(this->mapper.protect_range(range, this->flags()).error().kind, ErrorKind::occupied);
    EXPECT_EQ(this->mapper.unmap_range(range).error().kind, ErrorKind::reclaim_pending);
    EXPECT_EQ(this->mapper.merge(this->page()).error().kind, ErrorKind::reclaim_pending);
    this->mapper.reclaim(std::move(*table).invalidate(this->invalidator));
    EXPECT_EQ(this->mapper.lookup(this->page().address())->size, TestFixture::size);
}

TYPED_TEST(SplitMerge, AMergedTableIsFreedOnce) {
    this->split();
    auto table = this->mapper.merge(this->page());
    this->mapper.reclaim(std::move(*table).invalidate(this->invalidator));
    EXPECT_DEATH(static_cast<void>(std::move(*table).invalidate(this->invalidator)),
                 "moved from or paid already");

    this->split();
    auto again = this->mapper.merge(this->page());
    auto done = std::move(*again).invalidate(this->invalidator);
    this->mapper.reclaim(std::move(done));
    // NOLINTNEXTLINE(bugprone-use-after-move): what happens then is the test
    EXPECT_DEATH(this->mapper.reclaim(std::move(done)), "moved from or paid already");
}

TYPED_TEST(SplitMerge, RefusesWhatIsNotOnePage) {
    EXPECT_EQ(this->merge_error(), ErrorKind::unexpected_leaf);
    this->split();
    const auto refused_with = [&](std::size_t index, std::uint64_t raw) {
        const std::uint64_t good = std::exchange(this->small_slot(index), raw);
        EXPECT_EQ(this->merge_error(), ErrorKind::not_mergeable);
        this->small_slot(index) = good;
    };
    for (const std::size_t index : {0u, 1u, 255u, 511u}) {
        const std::uint64_t good = this->small_slot(index);
        refused_with(index, 0);
        refused_with(index, good & ~bits::present);
        refused_with(index, good ^ bits::writable);
        refused_with(index, good ^ bits::global);
        refused_with(index, good ^ bits::available_low);
        refused_with(index, good ^ bits::pat(TestFixture::smaller));
        refused_with(index, good + bytes_of(TestFixture::smaller));
    }
    if (TestFixture::smaller != PageSize::size_4k) {
        refused_with(3, Pde::table(Frame4k::at<0x10'1000>()).raw());
    }
    auto table = this->mapper.merge(this->page());
    ASSERT_TRUE(table);
    this->mapper.reclaim(std::move(*table).invalidate(this->invalidator));
}

TYPED_TEST(SplitMerge, RefusesFramesThatAreNotAligned) {
    auto stale = this->mapper.unmap(this->page());
    static_cast<void>((*std::move(stale)).invalidate(this->invalidator));
    const PageRange range{this->page().address(), entries_per_table, TestFixture::smaller};
    const Frame4k first = *Frame4k::from(this->frame().address() + bytes_of(TestFixture::smaller));
    ASSERT_TRUE(this->mapper.map_range(range, first, this->flags(), TestFixture::smaller));
    EXPECT_EQ(this->merge_error(), ErrorKind::not_mergeable);
}

TYPED_TEST(SplitMerge, RefusesWhatTheTableAboveWithholds) {
    this->split();
    this->large_slot() &= ~bits::writable;
    EXPECT_EQ(this->merge_error(), ErrorKind::invalid_permission);
}

TYPED_TEST(SplitMerge, OutOfFramesAndWrongPlacesChangeNothing) {
    const auto before = snapshot(this->pool);
    this->pool.limit(0);
    EXPECT_EQ(this->mapper.split(this->page()).error().kind, ErrorKind::out_of_frames);
    const auto beside =
        *Page<TestFixture::size>::from(this->page().address() + bytes_of(TestFixture::size));
    EXPECT_EQ(this->mapper.split(beside).error().kind, ErrorKind::not_exist);
    EXPECT_EQ(this->mapper.merge(beside).error().kind, ErrorKind::not_exist);
    const auto upper = Page<TestFixture::size>::template at<0xffff'8000'0000'0000>();
    EXPECT_EQ(this->mapper.split(upper).error().kind, ErrorKind::kernel_half);
    EXPECT_EQ(this->mapper.merge(upper).error().kind, ErrorKind::kernel_half);
    EXPECT_EQ(snapshot(this->pool), before);
    this->pool.limit(4);
    this->split();
    EXPECT_EQ(this->mapper.split(this->page()).error().kind, ErrorKind::unexpected_table);
}

TEST(Merge, AProcessorWithoutHugePagesGetsNone) {
    Pool pool;
    Mapper mapper = pool.mapper({.root = Pool::root(), .format = {.pages_1g = false}});
    constexpr auto page = Page1g::at<0x4000'0000>();
    const PageRange range{page.address(), entries_per_table, PageSize::size_2m};
    ASSERT_TRUE(mapper.map_range(range, Frame4k::at<0x4000'0000>(), Flags(read), range.size));
    EXPECT_EQ(mapper.merge(page).error().kind, ErrorKind::unsupported);
}

}  // namespace
}  // namespace nestbed::paging::test
