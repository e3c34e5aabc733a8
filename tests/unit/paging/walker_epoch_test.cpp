// A software walker without the lock beside a writer that unmaps and frees tables: what it may
// stand in, nobody may free.
#include "shared/shootdown/walker_epoch.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <thread>
#include <utility>

#include "shared/paging/mapper.hpp"
#include "table_pool.hpp"

namespace nestbed::paging::test {
namespace {

using Pool = TablePool<16>;
using Epoch = shootdown::WalkerEpoch<2>;

constexpr auto page = Page4k::at<0x4000'0000>();
constexpr auto frame = Frame4k::at<0x9000>();
/// What a table is filled with when it is free: to a walker, a leaf of a frame that was never
/// mapped.
constexpr std::uint64_t poison = 0xdead'0000'0000 | bits::present;

/// The pool, but a table that comes back is poisoned until it is handed out again.
struct PoisoningPool {
    Pool pool;
    std::atomic<bool> freed = false;

    std::optional<Frame4k> allocate_zeroed() {
        const auto table = pool.allocate_zeroed();
        if (table) {
            fill(*table, 0);
        }
        return table;
    }
    void free_zeroed(Frame4k table) {
        pool.free_zeroed(table);
        fill(table, poison);
        freed = true;
    }
    void fill(Frame4k table, std::uint64_t entry) {
        for (std::size_t i = 0; i < entries_per_table; ++i) {
            store_entry(pool.entries(table)[i], entry);
        }
    }
};

/// Shows the pool, and stops its thread on the way into the leaf table, which is the first that was
/// allocated.
struct StoppingWindow {
    PoisoningPool* memory;
    std::atomic<bool>* arrived;
    std::atomic<bool>* go_on;

    std::uint64_t* operator()(Frame4k table) const {
        if (table == Pool::frame(1) && arrived != nullptr) {
            *arrived = true;
            while (!*go_on && !memory->freed) {
                std::this_thread::yield();
            }
        }
        return memory->pool.entries(table);
    }
};

using TestMapper = Mapper<StoppingWindow, PoisoningPool>;

/// A walker stands before the leaf table when that is detached. `wait(pause)` is how the writer
/// waits. Returns whether the walker found what was never mapped.
template <typename Wait>
bool walks_a_freed_table(Epoch& epoch, Wait&& wait) {
    PoisoningPool memory;
    std::atomic<bool> arrived = false;
    std::atomic<bool> go_on = false;
    TestMapper writer({.root = Pool::root()}, {&memory, nullptr, nullptr}, memory);
    TestMapper reader({.root = Pool::root()}, {&memory, &arrived, &go_on}, memory);
    EXPECT_TRUE(writer.map(page, frame, Flags(read)));
    bool wrong = false;
    std::thread walker([&] {
        epoch.enter(1);
        const auto found = reader.lookup(page.address());
        wrong = found && found->address != frame.address();
        epoch.leave(1);
    });
    while (!arrived) {
        std::this_thread::yield();
    }
    auto detached = writer.unmap_range(PageRange::of(page));
    auto done = std::move(*detached).invalidate([](const Invalidation&) {});
    // Now that the writer waits, the walker may go on.
    wait([&] { go_on = true; });
    writer.reclaim(std::move(done), [](const UnmappedPage&) {});
    walker.join();
    return wrong;
}

TEST(WalkerEpoch, ATableIsFreedWhenItsWalkerHasLeft) {
    Epoch epoch;
    EXPECT_FALSE(walks_a_freed_table(epoch, [&](auto&& pause) { epoch.wait(pause); }));
}

TEST(WalkerEpoch, WithoutWaitingAFreedTableIsWalked) {
    Epoch epoch;
    EXPECT_TRUE(walks_a_freed_table(epoch, [](auto&&) {}));
}

TEST(WalkerEpoch, WhoEntersLaterIsNotWaitedFor) {
    Epoch epoch;
    epoch.enter(0);
    int turns = 0;
    epoch.wait([&] {
        epoch.leave(0);
        epoch.enter(0);
        ++turns;
    });
    EXPECT_EQ(turns, 1);
    epoch.leave(0);
    epoch.wait([] { FAIL() << "nobody is inside"; });
}

// Two threads walk while pages come and go with all their tables, which are used again at once.
TEST(WalkerEpoch, LookupsBesideUnmappingFindWhatWasMapped) {
    PoisoningPool memory;
    TestMapper mapper({.root = Pool::root()}, {&memory, nullptr, nullptr}, memory);
    Epoch epoch;
    std::atomic<bool> stop = false;
    std::atomic<std::uint64_t> wrong = 0;
    const auto walk = [&](std::uint32_t walker) {
        while (!stop) {
            epoch.enter(walker);
            const auto found = mapper.lookup(page.address());
            wrong += found && found->address != frame.address() ? 1 : 0;
            epoch.leave(walker);
        }
    };
    std::thread first(walk, 0);
    std::thread second(walk, 1);
    constexpr auto elsewhere = Page4k::at<0x1234'0000'0000>();
    for (int round = 0; round < 200; ++round) {
        // The other page takes the tables that the first has just given back.
        for (const Page4k next : {page, elsewhere}) {
            ASSERT_TRUE(
                mapper.map(next, next == page ? frame : Frame4k::at<0xA000>(), Flags(read)));
            auto detached = mapper.unmap_range(PageRange::of(next));
            auto done = std::move(*detached).invalidate([](const Invalidation&) {});
            epoch.wait([] { std::this_thread::yield(); });
            mapper.reclaim(std::move(done), [](const UnmappedPage&) {});
        }
    }
    stop = true;
    first.join();
    second.join();
    EXPECT_EQ(wrong, 0u);
}

TEST(WalkerEpoch, WhoIsInsideDoesNotEnter) {
    Epoch epoch;
    epoch.enter(0);
    EXPECT_DEATH(epoch.enter(0), "a walker that is inside enters once more");
    epoch.leave(0);
    EXPECT_DEATH(epoch.leave(0), "a walker that is not inside leaves");
}

}  // namespace
}  // namespace nestbed::paging::test
