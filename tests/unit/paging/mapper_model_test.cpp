// Random sequences of the mapper's operations, compared with a plain map of 4 KiB pages, while a
// simulated processor caches translations and ways to tables as eagerly as the architecture allows.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "shared/paging/mapper.hpp"
#include "shared/paging/walk.hpp"
#include "table_pool.hpp"
#include "tree_check.hpp"

namespace nestbed::paging::test {
namespace {

constexpr std::uint64_t page_bytes = 4096;
constexpr std::uint64_t pages_in_2m = 512;

/// 8 MiB in the middle of which a page directory ends, so that ranges cross one.
constexpr std::uint64_t area_start = (1ull << 30) - (4ull << 20);
constexpr std::uint64_t area_pages = 4 * pages_in_2m;

constexpr VirtAddr page_address(std::uint64_t page) {
    return VirtAddr(area_start + page * page_bytes);
}

using Pool = TablePool<24>;

/// A processor that caches what it walked, and drops only what an invalidation of an address must
/// drop: translations that hold the address, and entries that lead to it.
class EagerCaches {
  public:
    void walk_and_cache(Pool& pool, VirtAddr address) {
        const WalkResult found = walk(pool.reader(), Pool::root(), address.raw(), Access{}, {});
        if (found.outcome != WalkOutcome::translated) {
            return;
        }
        const PageSize size = found.translation.size;
        translations_.push_back({address.align_down(size), size,
                                 found.translation.address.align_down(size),
                                 found.translation.leaf_flags});
        for (const WalkStep& step : found.trace) {
            if (&step != &found.trace.back()) {
                tables_.push_back({start_of(step.level, address), step.level,
                                   *Entry<Level::pml4>(step.raw).next_table()});
            }
        }
    }

    void invalidate(VirtAddr address) {
        std::erase_if(translations_, [&](const CachedTranslation& cached) {
            return cached.page == address.align_down(cached.size);
        });
        std::erase_if(tables_, [&](const CachedTable& cached) {
            return cached.start == start_of(cached.level, address);
        });
    }

    void expect_not_cached(const UnmappedPage& page) const {
        for (const CachedTranslation& cached : translations_) {
            const bool apart = cached.page + bytes_of(cached.size) <= page.page ||
                               page.page + bytes_of(page.size) <= cached.page;
            ASSERT_TRUE(apart) << "a frame came back while its page was cached";
        }
    }

    void expect_not_cached(Frame4k table) const {
        for (const CachedTable& cached : tables_) {
            ASSERT_NE(cached.table, table) << "a table came back while it was cached";
        }
    }

    /// Every cached translation is what the tables say now.
    void expect_current(Pool& pool) const {
        for (const CachedTranslation& cached : translations_) {
            for (const std::uint64_t offset : {std::uint64_t{0}, offset_mask_of(cached.size)}) {
                const VirtAddr address = cached.page + offset;
                const WalkResult now =
                    walk(pool.reader(), Pool::root(), address.raw(), Access{}, {});
                ASSERT_EQ(now.outcome, WalkOutcome::translated);
                ASSERT_EQ(now.translation.address, cached.frame + offset);
                ASSERT_EQ(now.translation.leaf_flags, cached.flags);
            }
        }
    }

  private:
    struct CachedTranslation {
        VirtAddr page;
        PageSize size;
        PhysAddr frame;
        Flags flags;
    };
    struct CachedTable {
        VirtAddr start;
        Level level;  ///< of the entry that leads to it
        Frame4k table;
    };
    std::vector<CachedTranslation> translations_;
    std::vector<CachedTable> tables_;
};

/// The pool, which looks whether a table that comes back is still cached.
struct WatchedFrames {
    Pool* pool;
    EagerCaches* caches;
    std::optional<Frame4k> allocate_zeroed() { return pool->allocate_zeroed(); }
    void free_zeroed(Frame4k table) {
        caches->expect_not_cached(table);
        pool->free_zeroed(table);
    }
};

/// The mapper beside the model.
class Machine {
  public:
    explicit Machine(std::uint64_t seed) : random_(seed) {}

    void step() {
        for (int i = 0; i < 4; ++i) {
            caches_.walk_and_cache(*pool_, page_address(below(area_pages)));
        }
        // Now and then the frames run out at any point.
        const std::size_t free = 23 - pool_->used();
        const bool scarce = below(4) == 0;
        pool_->limit(scarce ? std::min<std::size_t>(free, below(4)) : free);
        const auto before = snapshot(*pool_);
        const std::size_t used = pool_->used();
        const Result<void> done = operate(scarce);
        if (!done) {
            ASSERT_EQ(snapshot(*pool_), before) << "a failure changed something";
            ASSERT_EQ(pool_->used(), used);
        }
        compare();
    }

    std::size_t succeeded(int operation) const { return succeeded_[operation]; }
    static constexpr int operations = 5;

  private:
    struct Mapped {
        std::uint64_t frame;
        Flags flags;
        friend bool operator==(const Mapped&, const Mapped&) = default;
    };

    std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

    /// Ranges that often begin or end with a large page.
    std::pair<std::uint64_t, std::uint64_t> random_pages() {
        const auto edge = [&](std::uint64_t bound) {
            return below(2) == 0 ? below(bound / pages_in_2m + 1) * pages_in_2m : below(bound + 1);
        };
        const std::uint64_t a = edge(area_pages);
        const std::uint64_t b =
            below(4) == 0 ? std::min(a + below(4), area_pages) : edge(area_pages);
        return {std::min(a, b), std::max(a, b)};
    }

    Flags random_flags() {
        Flags flags(read | static_cast<Permission>(below(permission_count)));
        flags = flags.with_global(below(4) == 0).with_pat(below(4) == 0);
        return *flags.with_protection_key(static_cast<unsigned>(below(2)));
    }

    /// Invalidates exactly these pages, which are what the request is about, though it may ask for
    /// everything, which would hide a page too few.
    auto invalidator_of(const PageRange& stale) {
        return [this, stale](const Invalidation& request) {
            EXPECT_EQ(request.everything(), stale.pages > max_single_invalidations);
            EXPECT_TRUE(request.everything() || *request.begin() == stale);
            invalidate(stale);
        };
    }

    void invalidate(const PageRange& range) {
        range.for_each([&](VirtAddr address) { caches_.invalidate(address); });
    }

    Result<void> operate(bool scarce) {
        const auto [first, end] = random_pages();
        const PageRange range{page_address(first), end - first};
        const Flags flags = random_flags();
        switch (const int operation = static_cast<int>(below(operations))) {
            case 0:
                return counted(operation, map(range, first, end, flags, scarce));
            case 1: {
                auto detached = mapper_.unmap_range(range);
                if (!detached) {
                    EXPECT_EQ(detached.error().kind, ErrorKind::out_of_frames);
                    EXPECT_TRUE(scarce);
                    return detached.error();
                }
                std::vector<UnmappedPage> pages;
                mapper_.reclaim(std::move(*detached).invalidate(invalidator_of(detached->stale())),
                                [&](const UnmappedPage& page) { pages.push_back(page); });
                take_out(pages, first, end);
                return counted(operation, {});
            }
            case 2: {
                auto rights = mapper_.protect_range(range, flags);
                const bool all = mapped_in(first, end) == end - first;
                if (!rights) {
                    EXPECT_TRUE(!all || (scarce && rights.error().kind == ErrorKind::out_of_frames))
                        << name_of(rights.error().kind);
                    return rights.error();
                }
                EXPECT_TRUE(all);
                const bool owed = rights->owed();
                std::move(*rights).invalidate(invalidator_of(rights->range()));
                for (std::uint64_t page = first; page < end; ++page) {
                    model_.at(page).flags = flags;
                }
                if (!owed) {
                    // Old translations with less rights may stay, but this test calls them wrong.
                    invalidate(range);
                }
                return counted(operation, {});
            }
            case 3: {
                const auto page = Page2m::containing(page_address(first % area_pages));
                auto split = mapper_.split(page);
                if (!split) {
                    return split.error();
                }
                std::move(*split).invalidate(invalidator_of(split->range()));
                return counted(operation, {});
            }
            default: {
                const auto page = Page2m::containing(page_address(first % area_pages));
                const bool possible = mergeable(first % area_pages / pages_in_2m * pages_in_2m);
                const bool is_large = mapper_.lookup(page.address()) &&
                                      mapper_.lookup(page.address())->size == PageSize::size_2m;
                auto merged = mapper_.merge(page);
                EXPECT_EQ(merged.has_value(), possible && !is_large);
                if (!merged) {
                    return merged.error();
                }
                mapper_.reclaim(std::move(*merged).invalidate(invalidator_of(merged->stale())));
                return counted(operation, {});
            }
        }
    }

    Result<void> counted(int operation, Result<void> done) {
        succeeded_[operation] += done ? 1 : 0;
        return done;
    }

    Result<void> map(const PageRange& range, std::uint64_t first, std::uint64_t end, Flags flags,
                     bool scarce) {
        // Half of the time such that large pages fit.
        const std::uint64_t shift = below(2) == 0 ? 0 : below(pages_in_2m);
        const std::uint64_t frame =
            (below(64) * pages_in_2m + first % pages_in_2m + shift) * page_bytes;
        const PageSize greatest = below(3) == 0 ? PageSize::size_4k : PageSize::size_2m;
        const auto done =
            mapper_.map_range(range, *Frame4k::from(PhysAddr(frame)), flags, greatest);
        const bool is_free = mapped_in(first, end) == 0;
        if (!done) {
            EXPECT_TRUE(!is_free || (scarce && done.error().kind == ErrorKind::out_of_frames))
                << name_of(done.error().kind);
            return done;
        }
        EXPECT_TRUE(is_free);
        for (std::uint64_t page = first; page < end; ++page) {
            model_.emplace(page, Mapped{frame + (page - first) * page_bytes, flags});
        }
        return done;
    }

    /// What `reclaim` gave back is what the model has in the range.
    void take_out(const std::vector<UnmappedPage>& pages, std::uint64_t first, std::uint64_t end) {
        std::size_t taken = 0;
        for (const UnmappedPage& page : pages) {
            caches_.expect_not_cached(page);
            const std::uint64_t number = (page.page.raw() - area_start) / page_bytes;
            for (std::uint64_t i = 0; i < bytes_of(page.size) / page_bytes; ++i) {
                ASSERT_TRUE(first <= number + i && number + i < end) << "unmapped beside the range";
                ASSERT_TRUE(model_.contains(number + i)) << "given back twice, or never mapped";
                ASSERT_EQ(model_.at(number + i).frame, page.frame.raw() + i * page_bytes);
                model_.erase(number + i);
                ++taken;
            }
        }
        ASSERT_EQ(mapped_in(first, end), 0u) << "left mapped, after " << taken << " given back";
    }

    std::size_t mapped_in(std::uint64_t first, std::uint64_t end) const {
        return static_cast<std::size_t>(
            std::distance(model_.lower_bound(first), model_.lower_bound(end)));
    }

    bool mergeable(std::uint64_t first) const {
        if (mapped_in(first, first + pages_in_2m) != pages_in_2m ||
            model_.at(first).frame % (pages_in_2m * page_bytes) != 0) {
            return false;
        }
        for (std::uint64_t i = 0; i < pages_in_2m; ++i) {
            const Mapped expected{model_.at(first).frame + i * page_bytes, model_.at(first).flags};
            if (model_.at(first + i) != expected) {
                return false;
            }
        }
        return true;
    }

    void compare() {
        std::map<std::uint64_t, Mapped> found;
        for (const MappedPage& page : mapped_pages(*pool_)) {
            const std::uint64_t number = (page.page.raw() - area_start) / page_bytes;
            for (std::uint64_t i = 0; i < bytes_of(page.size) / page_bytes; ++i) {
                found.emplace(number + i, Mapped{page.frame.raw() + i * page_bytes, page.flags});
            }
            ASSERT_EQ(page.granted, page.flags.permission());
        }
        ASSERT_EQ(found, model_);
        const TableCount tables = count_tables(*pool_);
        ASSERT_EQ(tables.all, pool_->used()) << "a table leaked";
        ASSERT_EQ(tables.empty, 0u) << "an empty table stayed";
        ASSERT_FALSE(pool_->gave_back_dirty());
        caches_.expect_current(*pool_);
    }

    std::mt19937_64 random_;
    std::unique_ptr<Pool> pool_ = std::make_unique<Pool>();
    EagerCaches caches_;
    WatchedFrames frames_{pool_.get(), &caches_};
    Mapper<Pool::Window, WatchedFrames> mapper_{{.root = Pool::root()}, pool_->window(), frames_};
    std::map<std::uint64_t, Mapped> model_;
    std::size_t succeeded_[operations] = {};
};

/// As many sequences as the walk tests have time for walks.
std::uint64_t sequences() {
    const char* walks = std::getenv("NESTBED_WALKS");
    const std::uint64_t wanted =
        walks == nullptr ? 120 : std::strtoull(walks, nullptr, 10) / 80'000;
    return std::clamp<std::uint64_t>(wanted, 6, 120);
}

TEST(MapperModel, RandomSequencesAgreeAndLeaveNothingStale) {
    std::size_t succeeded[Machine::operations] = {};
    for (std::uint64_t seed = 1; seed <= sequences(); ++seed) {
        Machine machine(seed);
        for (int i = 0; i < 250; ++i) {
            machine.step();
            if (testing::Test::HasFailure()) {
                FAIL() << "seed " << seed << ", step " << i;
            }
        }
        for (int operation = 0; operation < Machine::operations; ++operation) {
            succeeded[operation] += machine.succeeded(operation);
        }
    }
    for (const std::size_t count : succeeded) {
        EXPECT_GT(count, sequences() / 2) << "an operation that hardly ever succeeds is not tested";
    }
}

}  // namespace
}  // namespace nestbed::paging::test
