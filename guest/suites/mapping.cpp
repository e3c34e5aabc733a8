// The mapper and the shootdown together: one CPU maps, remaps, protects, unmaps, splits and merges,
// and pays what that owes by each protocol, while the others use the pages (watched_pages.hpp). And
// payments that are wrong on purpose, to show that the watchers would see it.

#include <array>
#include <optional>

#include "guest/harness/places.hpp"
#include "guest/harness/shootdown_protocol.hpp"
#include "guest/harness/staleness.hpp"
#include "guest/harness/test.hpp"
#include "guest/harness/watched_pages.hpp"
#include "guest/suites/used_tables.hpp"
#include "guest/suites/user_access.hpp"
#include "shared/paging/stale_batch.hpp"
#include "shared/shootdown/invalidator.hpp"

namespace nestbed::guest {
namespace {

using paging::Page2m;
using paging::Page4k;
using paging::PageRange;
using paging::PageSize;
using paging::PhysAddr;

constexpr std::uint64_t kib4 = paging::bytes_of(PageSize::size_4k);

/// A paging::Invalidator.
using Payment = void (*)(const paging::Invalidation&);

constinit std::optional<AddressSpace> space;

/// Words of free frames that somebody has written, through an old translation.
constinit std::uint64_t written_when_free = 0;

/// The first two words of a frame that is free.
void give_back(PhysAddr frame) {
    for (std::uint64_t n = 0; n < 2; ++n) {
        std::atomic_ref(in_direct_map(frame)[n]).store(poison, std::memory_order_relaxed);
    }
}

/// A frame that was free, for a page whose first word is `word`.
paging::Frame4k take(PhysAddr frame, std::uint64_t word) {
    for (std::uint64_t n = 0; n < 2; ++n) {
        std::atomic_ref cell(in_direct_map(frame)[n]);
        written_when_free += cell.load(std::memory_order_relaxed) == poison ? 0 : 1;
        cell.store(n == 0 ? word : 0, std::memory_order_relaxed);
    }
    return *paging::Frame4k::from(frame);
}

/// Some pages of the watched ones, which change together.
class Watched {
  public:
    constexpr Watched(std::size_t first, std::size_t count) : first_(first), count_(count) {}

    std::size_t count() const { return count_; }
    WatchedPage& operator[](std::size_t n) const { return watched_pages[first_ + n]; }

    void begin_change() const {
        for (std::size_t n = 0; n < count_; ++n) {
            guest::begin_change((*this)[n]);
        }
    }
    void leave_alone() const {
        for (std::size_t n = 0; n < count_; ++n) {
            guest::leave_alone((*this)[n]);
        }
    }
    void end_change(Rights rights, std::uint64_t word = 0) const {
        for (std::size_t n = 0; n < count_; ++n) {
            guest::end_change((*this)[n], rights, word);
        }
    }

  private:
    std::size_t first_;
    std::size_t count_;
};

/// What CPU 0 does.
class Changes {
  public:
    Changes(Payment pay, const TargetHooks& hooks) : pay_(pay), hooks_(hooks) {
        for (std::size_t n = 0; n < singles.count(); ++n) {
            singles[n].address = single_page(n).address().raw();
            for (PhysAddr& frame : single_frames_[n]) {
                frame = frame_with(0).address();
                give_back(frame);
            }
        }
        for (std::uint64_t n = 0; n < most_in_range; ++n) {
            give_back(range_frames_ + n * kib4);
        }
        range_pages[0].address = range(few_in_range).start.raw();
        range_pages[1].address = range(few_in_range).last().raw() - (kib4 - 1);
        for (std::size_t n = 0; n < parts.count(); ++n) {
            parts[n].address = large_page.address().raw() + part_numbers[n] * kib4;
            give_back(part_frame(n));
        }
        map_single(0);
        map_single(1);
        map_single(2);
    }

    void round() {
        remap_singles();
        protect_singles();
        remap_singles();
        unmap_and_map_a_single();
        for (const std::uint64_t pages : {few_in_range, most_in_range}) {
            map_range(pages);
            unmap_range(pages);
            map_range(pages);
            unmap_range_at_rest(pages);
        }
        map_large();
        split();
        unmap_and_map_a_part();
        merge();
        protect_large();
        unmap_large();
    }

  private:
    // Apart, so that a batch of them has several ranges.
    static constexpr Watched singles{0, 3};
    static constexpr std::array<std::uint64_t, 3> single_numbers{0, 7, 20};
    static constexpr Watched range_pages{3, 2};
    // One request for pages, and one for everything.
    static constexpr std::uint64_t few_in_range = 4;
    static constexpr std::uint64_t most_in_range = paging::max_single_invalidations + 1;
    static constexpr Watched parts{5, 3};
    static constexpr std::array<std::uint64_t, 3> part_numbers{0, 255, 511};

    static Page4k single_page(std::size_t n) {
        return Page4k::containing(first_page_of(0).address() + single_numbers[n] * kib4);
    }
    static constexpr Page2m large_page = Page2m::containing(first_page_of(1).address());
    /// Alone in its 512 GiB, so that three tables are freed with it.
    static PageRange range(std::uint64_t pages) {
        constexpr std::uint32_t places = 512 * 512;
        return PageRange::of(first_page_of(places), pages);
    }

    void watch() const { have_all_watched(cpu_count(), hooks_); }

    paging::Frame4k next_frame(std::size_t n) {
        used_frame_ ^= std::size_t{1} << n;
        return take(single_frames_[n][used_frame_ >> n & 1], word_);
    }

    void map_single(std::size_t n) {
        begin_change(singles[n]);
        ++word_;
        expect_ok(space->mapper().map(single_page(n), next_frame(n), user_data));
        end_change(singles[n], Rights::write, word_);
    }

    void remap_singles() {
        singles.begin_change();
        ++word_;
        paging::StaleBatch<3> batch(space->id());
        for (std::size_t n = 0; n < singles.count(); ++n) {
            auto stale = space->mapper().remap(single_page(n), next_frame(n), user_data);
            expect_ok(stale);
            expect_ok(batch.add(std::move(*stale)));
        }
        batch.invalidate(pay_, [](PhysAddr frame, PageSize) { give_back(frame); });
        singles.end_change(Rights::write, word_);
        watch();
    }

    void protect_singles() {
        singles.begin_change();
        paging::StaleBatch<0> batch(space->id());
        for (std::size_t n = 0; n < singles.count(); ++n) {
            auto stale = space->mapper().protect(single_page(n), user_read_only);
            expect_ok(stale);
            expect_ok(batch.add(std::move(*stale)));
        }
        batch.invalidate(pay_, [](PhysAddr, PageSize) {});
        singles.end_change(Rights::read, word_);
        watch();
    }

    void unmap_and_map_a_single() {
        begin_change(singles[1]);
        auto stale = space->mapper().unmap(single_page(1));
        expect_ok(stale);
        give_back((*std::move(stale)).invalidate(pay_).address());
        end_change(singles[1], Rights::none, 0);
        watch();
        map_single(1);
        watch();
    }

    void map_range(std::uint64_t pages) {
        range_pages.begin_change();
        ++word_;
        for (std::uint64_t n = 0; n < pages; ++n) {
            take(range_frames_ + n * kib4, word_);
        }
        expect_ok(space->mapper().map_range(range(pages), *paging::Frame4k::from(range_frames_),
                                            user_data));
        range_pages.end_change(Rights::write, word_);
        watch();
    }

    /// Under fire: what the tables that are freed hold next comes later.
    void unmap_range(std::uint64_t pages) {
        range_pages.begin_change();
        GUEST_EXPECT_EQ(unmap(range(pages)), pages);
        range_pages.end_change(Rights::none);
        watch();
        range_pages.leave_alone();
    }

    /// The same while nobody uses the pages, and then everybody, when the tables have another use.
    void unmap_range_at_rest(std::uint64_t pages) {
        let_rest(range_pages);
        GUEST_EXPECT_EQ(unmap(range(pages)), pages);
        const UsedTables used(3);
        range_pages.begin_change();
        range_pages.end_change(Rights::none);
        watch();
        range_pages.leave_alone();
    }

    /// A CPU that used a freed table before that has another use would fault, and a fault drops the
    /// way to the table from its paging-structure caches (Intel SDM Vol. 3A 4.10.4.1): what was not
    /// invalidated could not be seen any more.
    void let_rest(const Watched& pages) const {
        pages.leave_alone();
        watch();
    }

    /// Says how many pages came back.
    std::uint64_t unmap(const PageRange& pages) {
        auto detached = space->mapper().unmap_range(pages);
        expect_ok(detached);
        auto done = std::move(*detached).invalidate(pay_);
        std::uint64_t count = 0;
        space->mapper().reclaim(std::move(done), [&](const paging::UnmappedPage& page) {
            ++count;
            give_back(page.frame);
        });
        return count;
    }

    PhysAddr part_frame(std::size_t n) const {
        return large_frame_.address() + part_numbers[n] * kib4;
    }

    void map_large() {
        parts.begin_change();
        ++word_;
        for (std::size_t n = 0; n < parts.count(); ++n) {
            take(part_frame(n), word_);
        }
        expect_ok(space->mapper().map(large_page, large_frame_, user_data));
        parts.end_change(Rights::write, word_);
        watch();
    }

    /// Invisible but for the size: the pages stay steady.
    void split() {
        auto stale = space->mapper().split(large_page);
        expect_ok(stale);
        std::move(*stale).invalidate(pay_);
        watch();
    }

    void unmap_and_map_a_part() {
        const auto page = Page4k::containing(paging::VirtAddr(parts[1].address));
        begin_change(parts[1]);
        GUEST_EXPECT_EQ(unmap(PageRange::of(page)), 1U);
        end_change(parts[1], Rights::none, 0);
        watch();
        begin_change(parts[1]);
        ++word_;
        expect_ok(space->mapper().map(page, take(part_frame(1), word_), user_data));
        end_change(parts[1], Rights::write, word_);
        watch();
    }

    void merge() {
        let_rest(parts);
        auto table = space->mapper().merge(large_page);
        expect_ok(table);
        space->mapper().reclaim(std::move(*table).invalidate(pay_));
        const UsedTables used(1);
        parts.begin_change();
        for (std::size_t n = 0; n < parts.count(); ++n) {
            end_change(parts[n], Rights::write, parts[n].word.load());
        }
        watch();
    }

    void protect_large() {
        parts.begin_change();
        auto stale = space->mapper().protect_range({large_page.address(), 512}, user_read_only);
        expect_ok(stale);
        std::move(*stale).invalidate(pay_);
        for (std::size_t n = 0; n < parts.count(); ++n) {
            end_change(parts[n], Rights::read, parts[n].word.load());
        }
        watch();
    }

    void unmap_large() {
        parts.begin_change();
        GUEST_EXPECT_EQ(unmap({large_page.address(), 512}), 1U);
        for (std::size_t n = 0; n < parts.count(); ++n) {
            give_back(part_frame(n));
        }
        parts.end_change(Rights::none);
        watch();
        parts.leave_alone();
    }

    Payment pay_;
    TargetHooks hooks_;
    std::uint64_t word_ = 0;  ///< given to a page last
    std::array<std::array<PhysAddr, 2>, 3> single_frames_{};
    std::size_t used_frame_ = 0;  ///< of each single page, in a bit
    PhysAddr range_frames_ = large_frame().address();
    paging::Frame2m large_frame_ = large_frame();
};

std::uint64_t violations_until_now() {
    return watch_counts(cpu_count()).violations + written_when_free;
}

/// Changes pages on CPU 0 under the eyes of all others, and pays by the protocol, or else by `pay`.
/// Goes on for so many rounds, or until there is a violation. Returns how many.
template <template <typename> typename Protocol>
std::uint64_t change_under_watch(int rounds = 1, Payment pay = nullptr) {
    using P = Installed<Protocol, TracedPlatform>;
    skip_if(obstacle_to<Protocol>({.cpus = cpu_count(), .target = TargetState::spin}));
    P::set_handlers();
    space.emplace();
    if (pay == nullptr) {
        pay = [](const paging::Invalidation& owed) {
            shootdown::ShootdownInvalidator(P::protocol, *space)(owed);
        };
    }
    run_on_cpus(cpu_count(), [&](std::uint32_t cpu) {
        steal_time::enable();
        load_for(P::protocol, *space);
        const TicksWhileInScope<decltype(P::protocol)> ticks;
        if (cpu == 0) {
            static std::optional<Changes> changes;
            changes.emplace(pay, P::hooks());
            for (int n = 0; n < rounds && violations_until_now() == 0; ++n) {
                changes->round();
            }
            stop_watchers();
        } else {
            constexpr bool comes_back = P::is_polled || P::has_lazy_mode;
            watch_until_stopped(comes_back ? 1 : ~std::uint64_t{0}, P::hooks());
        }
        AddressSpace::unload();
    });
    log_violations(cpu_count());
    const WatchCounts counts = watch_counts(cpu_count());
    GUEST_LOG("{} accesses, {} faults, {} violations", counts.accesses, counts.faults,
              violations_until_now());
    GUEST_EXPECT_GT(counts.faults, 0U);
    return violations_until_now();
}

#define PROTOCOL_TEST(protocol, name, type, explanation)            \
    GUEST_TEST(mapping, protocol, {.cpus = 3}) {                    \
        GUEST_EXPECT_EQ(change_under_watch<shootdown::type>(), 0U); \
    }
NESTBED_SHOOTDOWN_PROTOCOLS(PROTOCOL_TEST)

GUEST_TEST(mapping, a_missing_remote_invalidation_is_seen,
           {.cpus = 2, .timeout = patient_timeout, .tags = "needs-stale-translations"}) {
    // KVM's shadow paging turns one CPU's INVLPG into an invalidation on all of them; and where
    // kernel mode is interpreted, KVM sees its stores to page tables.
    if (!translations_stay_stale_elsewhere({.kernel_store = true, .invlpg = true})) {
        GUEST_SKIP("no CPU keeps what another has changed and invalidated for itself on this host");
    }
    constexpr int rounds = 1000;  // ends at the first violation
    const std::uint64_t violations = change_under_watch<shootdown::GlobalShootdown>(
        rounds, [](const paging::Invalidation& owed) { LocalInvalidator{}(owed); });
    GUEST_EXPECT_GT(violations, 0U);
}

}  // namespace
}  // namespace nestbed::guest
