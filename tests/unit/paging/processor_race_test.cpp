// A thread stands in for a processor that walks the tables while the mapper changes them: it sets
// dirty with a locked operation, in an entry that is present, as a page walk does. Whatever it has
// set must come out: else the last write to a page is lost.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <thread>
#include <utility>

#include "shared/paging/mapper.hpp"
#include "table_pool.hpp"
#include "tree_check.hpp"
#include "vmm/base/sanitizers.hpp"

namespace nestbed::paging::test {
namespace {

using Pool = TablePool<16>;

// A stand-in for a processor sets dirty with a locked operation, as a page walk does, and software
// harvests it, both while the flags change: whatever was set must still be there to be harvested.
TEST(ProcessorRace, ProtectLosesNoDirtyBit) {
    Pool pool;
    Mapper mapper = pool.mapper();
    constexpr auto page = Page4k::at<0x1000>();
    ASSERT_TRUE(mapper.map(page, Frame4k::at<0x9000>(), Flags(read | write)));
    std::atomic_ref<std::uint64_t> leaf(slot(pool, page.address(), Level::pt));
    std::atomic<bool> stop = false;
    std::uint64_t lost = 0;
    std::thread processor([&] {
        while (!stop) {
            leaf.fetch_or(bits::dirty);
            const std::uint64_t harvested = leaf.fetch_and(~bits::dirty);
            lost += (harvested & bits::dirty) == 0 ? 1 : 0;
        }
    });
    for (int i = 0; i < 500'000; ++i) {
        auto rights = mapper.protect(page, Flags(i % 2 == 0 ? read : read | write));
        ASSERT_TRUE(rights);
        std::move(*rights).invalidate([](const Invalidation&) {});
    }
    stop = true;
    processor.join();
    EXPECT_EQ(lost, 0u);
}

// The same for single bits that software sets and clears, until they have met often enough: the
// processor has seen the bit change from one turn to the next.
TEST(ProcessorRace, SettingAndClearingBitsLosesNoDirtyBit) {
    std::uint64_t entry = 0x9000 | bits::present;
    std::atomic_ref<std::uint64_t> leaf(entry);
    std::atomic<bool> stop = false;
    std::atomic<std::uint64_t> met = 0;
    std::uint64_t lost = 0;
    std::thread processor([&] {
        std::uint64_t before = leaf;
        while (!stop) {
            const std::uint64_t found = leaf.fetch_or(bits::dirty);
            lost += (leaf.fetch_and(~bits::dirty) & bits::dirty) == 0 ? 1 : 0;
            met += ((found ^ before) & bits::writable) != 0 ? 1 : 0;
            before = found;
        }
    });
    for (int i = 0; i < 20'000'000 && met < 2'000; ++i) {
        set_entry_bits(entry, bits::writable);
        clear_entry_bits(entry, bits::writable);
    }
    stop = true;
    processor.join();
    EXPECT_EQ(lost, 0u);
    EXPECT_EQ(entry, 0x9000 | bits::present);
}

// A stand-in for a processor sets dirty in the large leaf until it finds a table there. What it has
// set must be in the parts: else the page's last write is lost.
TEST(ProcessorRace, SplitLosesNoDirtyBit) {
    Pool pool;
    Mapper mapper = pool.mapper();
    constexpr auto page = Page2m::at<0x4000'0000>();
    ASSERT_TRUE(mapper.map(page, Frame2m::at<0x4000'0000>(), Flags(read | write)));
    std::atomic_ref<std::uint64_t> large(slot(pool, page.address(), Level::pd));
    for (int round = 0; round < 500; ++round) {
        large.fetch_and(~bits::dirty);
        std::atomic<bool> started = false;
        bool wrote = false;
        std::thread processor([&] {
            started = true;
            std::uint64_t seen = large.load();
            // As a page walk does it: dirty is set only in the entry that was walked.
            while ((seen & bits::page_size) != 0 && !wrote) {
                wrote = large.compare_exchange_weak(seen, seen | bits::dirty);
            }
        });
        while (!started) {
        }
        auto split = mapper.split(page);
        ASSERT_TRUE(split);
        processor.join();
        std::move(*split).invalidate([](const Invalidation&) {});
        const std::uint64_t part = slot(pool, page.address(), Level::pt);
        ASSERT_EQ((part & bits::dirty) != 0, wrote);
        auto merged = mapper.merge(page);
        ASSERT_TRUE(merged);
        mapper.reclaim(std::move(*merged).invalidate([](const Invalidation&) {}));
    }
}

// Slower with the sanitizers, and done without them as well.
constexpr int unmappings = vmm::has_address_sanitizer ? 60'000 : 300'000;

// It sets dirty at any moment while the page is mapped, at most once each time. As many pages must
// come back dirty.
TEST(ProcessorRace, UnmapRangeLosesNoDirtyBit) {
    Pool pool;
    Mapper mapper = pool.mapper();
    constexpr auto page = Page4k::at<0x4000'0000>();
    ASSERT_TRUE(mapper.map(Page4k::at<0x4000'1000>(), Frame4k::at<0x1000>(), Flags(read)))
        << "keeps the table";
    std::atomic_ref<std::uint64_t> leaf(slot(pool, page.address(), Level::pt));
    std::atomic<bool> stop = false;
    std::uint64_t written = 0;
    std::thread processor([&] {
        for (std::uint32_t moment = 1; !stop; moment = moment * 1664525 + 1013904223) {
            for (std::uint32_t wait = moment >> 24; wait != 0; --wait) {
                std::atomic_signal_fence(std::memory_order_seq_cst);
            }
            std::uint64_t seen = leaf.load();
            if ((seen & (bits::present | bits::dirty)) == bits::present) {
                written += leaf.compare_exchange_strong(seen, seen | bits::dirty) ? 1 : 0;
            }
        }
    });
    std::uint64_t dirty = 0;
    for (int round = 0; round < unmappings; ++round) {
        ASSERT_TRUE(mapper.map(page, Frame4k::at<0x9000>(), Flags(read | write)));
        auto detached = mapper.unmap_range(PageRange::of(page));
        ASSERT_TRUE(detached);
        mapper.reclaim(std::move(*detached).invalidate([](const Invalidation&) {}),
                       [&](const UnmappedPage& unmapped) { dirty += unmapped.dirty() ? 1 : 0; });
    }
    stop = true;
    processor.join();
    EXPECT_EQ(dirty, written);
}

}  // namespace
}  // namespace nestbed::paging::test
