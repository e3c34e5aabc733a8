// A mapper over a pool of frames, for tests of operations on ranges.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "shared/paging/mapper.hpp"
#include "shared/paging/walk.hpp"
#include "table_pool.hpp"
#include "tree_check.hpp"

namespace nestbed::paging::test {

inline constexpr std::uint64_t kib4 = bytes_of(PageSize::size_4k);
inline constexpr std::uint64_t mib2 = bytes_of(PageSize::size_2m);
inline constexpr std::uint64_t gib1 = bytes_of(PageSize::size_1g);

using Pool = TablePool<32>;

class MapperRange : public testing::Test {
  public:
    static constexpr VirtAddr start{0x1234'4000'0000};
    static constexpr Flags flags{read | write | user};

    static PageRange range_at(std::uint64_t offset, std::uint64_t bytes) {
        return *PageRange::from(start + offset, bytes);
    }
    static Frame4k frame_at(std::uint64_t address) { return *Frame4k::from(PhysAddr(address)); }

    Result<void> map(std::uint64_t offset, std::uint64_t bytes, std::uint64_t frame,
                     PageSize greatest = PageSize::size_4k) {
        return mapper.map_range(range_at(offset, bytes), frame_at(frame), flags, greatest);
    }

    /// Unmaps a range and returns what came back.
    std::vector<UnmappedPage> unmap(std::uint64_t offset, std::uint64_t bytes) {
        auto detached = mapper.unmap_range(range_at(offset, bytes));
        EXPECT_TRUE(detached) << name_of(detached.error().kind);
        stale = detached->owed() ? std::optional(detached->stale()) : std::nullopt;
        std::vector<UnmappedPage> pages;
        mapper.reclaim(std::move(*detached).invalidate(invalidator),
                       [&](const UnmappedPage& page) { pages.push_back(page); });
        return pages;
    }

    /// The sizes of the leaves, in order, as a count for each run: {{4k, 511}, {2m, 3}}.
    std::vector<std::pair<PageSize, int>> leaf_sizes() {
        std::vector<std::pair<PageSize, int>> sizes;
        for (const MappedPage& page : mapped_pages(pool)) {
            if (sizes.empty() || sizes.back().first != page.size) {
                sizes.emplace_back(page.size, 0);
            }
            ++sizes.back().second;
        }
        return sizes;
    }

    void expect_linear(std::uint64_t offset, std::uint64_t bytes, std::uint64_t frame) {
        for (std::uint64_t at = 0; at < bytes; at += kib4) {
            const WalkResult hit =
                walk(pool.reader(), Pool::root(), (start + offset + at).raw(), Access{}, {});
            ASSERT_EQ(hit.outcome, WalkOutcome::translated) << at;
            ASSERT_EQ(hit.translation.address, PhysAddr(frame + at));
        }
    }

    std::unique_ptr<Pool> holder = std::make_unique<Pool>();
    Pool& pool = *holder;
    Mapper<Pool::Window, Pool> mapper = pool.mapper();
    RecordingInvalidator invalidator;
    /// What the last `unmap` had to invalidate, if anything.
    std::optional<PageRange> stale{};
};

using Sizes = std::vector<std::pair<PageSize, int>>;

}  // namespace nestbed::paging::test
