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

}  // namespace
}  // namespace nestbed::paging::test
