// Invalidation on one CPU: by each means it takes a stale translation away. That the translation
// was stale is seen first, where the host lets one be: else there would be nothing to take away.

#include <array>

#include "guest/harness/page_table_window.hpp"
#include "guest/harness/places.hpp"
#include "guest/harness/test.hpp"
#include "guest/kernel/address_space.hpp"
#include "guest/kernel/flush.hpp"
#include "guest/suites/user_access.hpp"

namespace nestbed::guest {
namespace {

constexpr paging::Page4k page = first_page_of(0);
constexpr paging::Page4k window = window_of(0);
constexpr std::uint64_t rounds = 20;

/// Changes the page's entry under user mode's eyes, again and again; `invalidate(space)` comes
/// between the change and the look that must see it. Returns how often the look before that saw the
/// old frame.
template <typename Invalidate>
std::uint64_t expect_new_frame_after(Invalidate&& invalidate) {
    AddressSpace space;
    const std::array frames{frame_with(10), frame_with(11)};
    expect_ok(space.mapper().map(page, frames[0], user_read_only));
    const PageTableWindow table(space, page, window);
    space.load();
    std::uint64_t stale = 0;
    for (std::uint64_t n = 1; n <= rounds; ++n) {
        const std::uint64_t expected = 10 + n % 2;
        const std::uint64_t entry = paging::Pte::leaf(frames[n % 2], user_read_only).raw();
        stale += table.read_after_store(page.address().raw(), 0, entry) != expected ? 1 : 0;
        invalidate(space);
        GUEST_EXPECT_EQ(run_user(read_user, page.address().raw()).value(), expected);
    }
    AddressSpace::unload();
    GUEST_LOG("stale before the invalidation: {} of {}", stale, rounds);
    return stale;
}

void expect_invalidation_by(FlushPrimitive primitive, bool everything) {
    if (!has(primitive)) {
        GUEST_SKIP("the vCPU has no INVPCID");
    }
    shootdown::Request request(paging::PageRange::of(page, 1));
    request.everything = everything;
    expect_new_frame_after([&](AddressSpace&) { flush(request, {.primitive = primitive}); });
}

GUEST_TEST(flush, by_invlpg) { expect_invalidation_by(FlushPrimitive::invlpg, false); }
GUEST_TEST(flush, everything_instead_of_invlpg) {
    expect_invalidation_by(FlushPrimitive::invlpg, true);
}
GUEST_TEST(flush, by_cr3) { expect_invalidation_by(FlushPrimitive::cr3, false); }
GUEST_TEST(flush, by_pge) { expect_invalidation_by(FlushPrimitive::pge, false); }
GUEST_TEST(flush, by_invpcid_of_an_address, {.tags = "needs-invpcid"}) {
    expect_invalidation_by(FlushPrimitive::invpcid_address, false);
}
GUEST_TEST(flush, by_invpcid_of_a_context, {.tags = "needs-invpcid"}) {
    expect_invalidation_by(FlushPrimitive::invpcid_context, false);
}
GUEST_TEST(flush, by_invpcid_of_all, {.tags = "needs-invpcid"}) {
    expect_invalidation_by(FlushPrimitive::invpcid_all, false);
}
GUEST_TEST(flush, by_invpcid_of_all_but_global, {.tags = "needs-invpcid"}) {
    expect_invalidation_by(FlushPrimitive::invpcid_non_global, false);
}

GUEST_TEST(flush, the_local_invalidator_takes_pages) {
    expect_new_frame_after([](AddressSpace& space) {
        const auto range = paging::PageRange::of(page, 1);
        LocalInvalidator{}(paging::Invalidation::of(space.id(), range));
    });
}

GUEST_TEST(flush, the_local_invalidator_takes_everything) {
    expect_new_frame_after([](AddressSpace& space) {
        LocalInvalidator{}(paging::Invalidation::of_everything(space.id()));
    });
}

GUEST_TEST(flush, a_page_above_the_threshold_is_flushed_with_everything) {
    const auto request = shootdown::Request(paging::PageRange::of(page, 2));
    expect_new_frame_after([&](AddressSpace&) { flush(request, {.threshold = 1}); });
}

}  // namespace
}  // namespace nestbed::guest
