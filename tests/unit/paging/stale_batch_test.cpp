#include "shared/paging/stale_batch.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "shared/paging/mapper.hpp"
#include "table_pool.hpp"

namespace nestbed::paging::test {
namespace {

using Pool = TablePool<16>;

class Batch : public testing::Test {
  public:
    static constexpr std::uint64_t start = 0x4000'0000;

    void SetUp() override {
        const PageRange range{VirtAddr(start), 1024};
        ASSERT_TRUE(mapper.map_range(range, Frame4k::at<0x4000'0000>(), Flags(read | write)));
    }
    static Page4k page(std::uint64_t number) {
        return *Page4k::from(VirtAddr(start + number * 4096));
    }
    auto unmapped(std::uint64_t number) { return *mapper.unmap(page(number)); }

    template <std::size_t Capacity>
    void invalidate(StaleBatch<Capacity>& batch) {
        batch.invalidate(invalidator, [&](PhysAddr frame, PageSize size) {
            EXPECT_EQ(size, PageSize::size_4k);
            EXPECT_GT(invalidator.calls + invalidator.whole_space_calls, 0) << "too early";
            frames.push_back(frame.raw());
        });
    }

    Pool pool;
    Mapper<Pool::Window, Pool> mapper = pool.mapper();
    RecordingInvalidator invalidator;
    std::vector<std::uint64_t> frames;
};

TEST_F(Batch, InvalidatesNeighboursTogetherAndThenGivesTheFramesBack) {
    StaleBatch<8> batch(mapper.space());
    ASSERT_TRUE(batch.add(unmapped(3)));
    ASSERT_TRUE(batch.add(unmapped(5)));
    ASSERT_TRUE(batch.add(unmapped(4)));
    EXPECT_EQ(batch.frames(), 3u);
    invalidate(batch);
    EXPECT_EQ(invalidator.calls, 1);
    EXPECT_EQ(invalidator.range, PageRange::of(page(3), 3));
    EXPECT_EQ(invalidator.space, mapper.space());
    EXPECT_EQ(frames, (std::vector<std::uint64_t>{0x4000'3000, 0x4000'5000, 0x4000'4000}));
    EXPECT_TRUE(batch.pages().empty());
    EXPECT_EQ(batch.frames(), 0u);
}

TEST_F(Batch, IsOneInvalidationOfAllRanges) {
    StaleBatch<8> batch(mapper.space());
    for (const std::uint64_t number : {1u, 11u, 21u}) {
        ASSERT_TRUE(batch.add(unmapped(number)));
    }
    invalidate(batch);
    EXPECT_EQ(invalidator.calls, 1);
    EXPECT_EQ(invalidator.ranges, 3);
    invalidate(batch);
    EXPECT_EQ(invalidator.calls, 1) << "an empty batch asks for nothing";
}

TEST_F(Batch, TakesNoTokenThatWasMovedFrom) {
    StaleBatch<8> batch(mapper.space());
    auto token = unmapped(1);
    ASSERT_TRUE(batch.add(std::move(token)));
    // NOLINTNEXTLINE(bugprone-use-after-move): what happens then is the test
    EXPECT_DEATH(static_cast<void>(batch.add(std::move(token))), "moved from or paid already");
    invalidate(batch);
    EXPECT_EQ(frames.size(), 1u);
}

TEST_F(Batch, FlushesTheWholeSpacePastTheThreshold) {
    StaleBatch<8> batch(mapper.space(), 2);
    for (const std::uint64_t number : {1u, 11u, 21u}) {
        ASSERT_TRUE(batch.add(unmapped(number)));
    }
    invalidate(batch);
    EXPECT_EQ(invalidator.calls, 0);
    EXPECT_EQ(invalidator.whole_space_calls, 1);
    EXPECT_EQ(frames.size(), 3u);
    ASSERT_TRUE(batch.add(unmapped(2)));
    invalidate(batch);
    EXPECT_EQ(invalidator.calls, 1) << "and starts anew";
}

TEST_F(Batch, TakesRightsAndRanges) {
    StaleBatch<1> batch(mapper.space());
    auto rights = *mapper.protect(page(1), Flags(read));
    ASSERT_TRUE(batch.add(std::move(rights)));
    // NOLINTNEXTLINE(bugprone-use-after-move): what is left is the test
    EXPECT_FALSE(rights.owed()) << "the batch owes it now";
    ASSERT_TRUE(batch.add(*mapper.protect_range(PageRange::of(page(2), 4), Flags(read))));
    ASSERT_TRUE(batch.add(*mapper.protect(page(40), Flags(read | write | execute))));
    EXPECT_EQ(batch.pages().pages(), 5u) << "what only grants more is not invalidated";
    EXPECT_EQ(batch.frames(), 0u);
    invalidate(batch);
    EXPECT_EQ(invalidator.range, PageRange::of(page(1), 5));
}

TEST_F(Batch, LeavesWhatItCannotTakeWithItsOwner) {
    StaleBatch<1> batch(mapper.space());
    ASSERT_TRUE(batch.add(unmapped(1)));
    // A batch that refuses a token has not moved it.
    // NOLINTBEGIN(bugprone-use-after-move)
    auto second = unmapped(2);
    EXPECT_EQ(batch.add(std::move(second)).error().kind, ErrorKind::batch_full);
    EXPECT_EQ(std::move(second).invalidate(invalidator).address(), PhysAddr(0x4000'2000));

    StaleBatch<1> other({Frame4k::at<0x5000>()});
    auto third = unmapped(3);
    EXPECT_EQ(other.add(std::move(third)).error().kind, ErrorKind::other_address_space);
    EXPECT_EQ(std::move(third).invalidate(invalidator).address(), PhysAddr(0x4000'3000));
    auto rights = *mapper.protect(page(4), Flags(read));
    EXPECT_EQ(other.add(std::move(rights)).error().kind, ErrorKind::other_address_space);
    EXPECT_TRUE(rights.owed());
    std::move(rights).invalidate(invalidator);
    auto range = *mapper.protect_range(PageRange::of(page(6), 4), Flags(read));
    EXPECT_EQ(other.add(std::move(range)).error().kind, ErrorKind::other_address_space);
    std::move(range).invalidate(invalidator);
    // NOLINTEND(bugprone-use-after-move)
    invalidate(batch);
    EXPECT_EQ(frames, (std::vector<std::uint64_t>{0x4000'1000}));
}

TEST_F(Batch, DroppedUnpaidStopsTheProgram) {
    EXPECT_DEATH(
        {
            StaleBatch<1> batch(mapper.space());
            static_cast<void>(batch.add(unmapped(1)));
        },
        "dropped before invalidation");
    EXPECT_DEATH(
        {
            StaleBatch<1> batch(mapper.space());
            static_cast<void>(batch.add(*mapper.protect(page(1), Flags(read))));
        },
        "dropped before invalidation");
    const StaleBatch<1> empty(mapper.space());
}

}  // namespace
}  // namespace nestbed::paging::test
