#include "shared/paging/dump.hpp"
#include "shared/paging/mapper.hpp"
#include "shared/paging/walk.hpp"
#include "table_pool.hpp"

// A tree of tables is built, walked and taken down again while compiling: this file has passed its
// tests when it compiles.
namespace nestbed::paging::test {
namespace {

constexpr bool builds_and_walks_a_tree() {
    TablePool<8> pool;
    auto mapper = pool.mapper();
    constexpr auto page = Page4k::at<0x7f12'3456'7000>();
    constexpr auto frame = Frame4k::at<0x4'2000>();
    if (!mapper.map(page, frame, Flags(read | write | user))) {
        return false;
    }
    constexpr auto large_page = Page2m::at<0x7f12'3460'0000>();
    constexpr auto large_frame = Frame2m::at<0x4000'0000>();
    if (!mapper.map(large_page, large_frame, Flags(read | execute))) {
        return false;
    }

    const auto hit = walk(pool.reader(), pool.root(), 0x7f12'3456'7abc,
                          Access{.type = AccessType::write, .mode = AccessMode::user}, {});
    const bool translated = hit.outcome == WalkOutcome::translated &&
                            hit.translation.address == PhysAddr(0x4'2abc) && hit.trace.size() == 4;
    const auto large_hit = walk(pool.reader(), pool.root(), 0x7f12'3471'2345, Access{}, {});
    const bool large_translated = large_hit.outcome == WalkOutcome::translated &&
                                  large_hit.translation.address == PhysAddr(0x4011'2345);
    const auto miss = walk(pool.reader(), pool.root(), 0x7f12'3456'8000, Access{}, {});
    const bool missed = miss.outcome == WalkOutcome::page_fault && miss.error.raw() == 0;

    RecordingInvalidator invalidator;
    auto protect = mapper.protect(page, Flags(read | user));
    if (!protect) {
        return false;
    }
    std::move(*protect).invalidate(invalidator);
    auto unmapped = mapper.unmap(page);
    if (!unmapped) {
        return false;
    }
    const Frame4k back = std::move(*unmapped).invalidate(invalidator);
    return translated && large_translated && missed && back == frame && invalidator.calls == 2;
}
static_assert(builds_and_walks_a_tree());

constexpr bool builds_five_levels() {
    TablePool<8> pool;
    auto mapper = pool.mapper({.root = pool.root(), .width = LinearWidth::bits_57});
    constexpr auto page = Page1g::at<0x00f0'1234'4000'0000>();
    constexpr auto frame = Frame1g::at<0x40'0000'0000>();
    if (!mapper.map(page, frame, Flags(read))) {
        return false;
    }
    const auto hit = walk(pool.reader(), pool.root(), 0x00f0'1234'4567'89ab, Access{},
                          ControlState{.la57 = true});
    return hit.outcome == WalkOutcome::translated && hit.trace.size() == 3 &&
           hit.translation.address == PhysAddr(0x40'0567'89ab);
}
static_assert(builds_five_levels());

constexpr bool maps_splits_merges_and_unmaps_ranges() {
    constexpr std::uint64_t mib2 = bytes_of(PageSize::size_2m);
    constexpr PageRange range{VirtAddr(0x7f00'0000'0000), 512 + 4};
    constexpr Page2m large = Page2m::containing(range.start);
    constexpr Flags flags = Flags(read | write).with_pat();
    TablePool<8> pool;
    auto mapper = pool.mapper();
    RecordingInvalidator invalidator;
    if (!mapper.map_range(range, Frame4k::at<mib2>(), flags, PageSize::size_2m)) {
        return false;
    }
    auto split = mapper.split(large);
    if (!split) {
        return false;
    }
    std::move(*split).invalidate(invalidator);
    const bool is_small = mapper.lookup(range.start + 0x1000)->size == PageSize::size_4k;
    auto table = mapper.merge(large);
    if (!table) {
        return false;
    }
    mapper.reclaim(std::move(*table).invalidate(invalidator));
    const bool is_large = mapper.lookup(range.start + 0x1000)->size == PageSize::size_2m;
    auto rights = mapper.protect_range({range.start, 512}, Flags(read));
    if (!rights) {
        return false;
    }
    std::move(*rights).invalidate(invalidator);
    std::uint64_t runs = 0;
    dump(pool.window(), pool.root(), LinearWidth::bits_48, [&](const char*) { ++runs; });

    auto detached = mapper.unmap_range(range);
    if (!detached) {
        return false;
    }
    std::uint64_t bytes = 0;
    mapper.reclaim(std::move(*detached).invalidate(invalidator),
                   [&](const UnmappedPage& page) { bytes += bytes_of(page.size); });
    return is_small && is_large && runs == 2 && bytes == range.bytes() && pool.used() == 0 &&
           !pool.gave_back_dirty() && invalidator.calls + invalidator.whole_space_calls == 4;
}
static_assert(maps_splits_merges_and_unmaps_ranges());

}  // namespace
}  // namespace nestbed::paging::test
