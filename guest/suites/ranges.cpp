// Ranges of pages: what the processor makes of large pages that are mapped, split and merged while
// it has them in its TLB.
//
// Where kernel mode is interpreted, KVM drops old translations by itself when the kernel stores to
// a page table, so that a missing invalidation does not show here; see the shootdown suite for
// that.

#include "guest/harness/test.hpp"
#include "guest/kernel/address_space.hpp"
#include "guest/suites/user_access.hpp"
#include "shared/arch/page_fault.hpp"
#include "shared/paging/stale_batch.hpp"

namespace nestbed::guest {
namespace {

using arch::PageFaultError;
using paging::AccessType;
using paging::Page2m;
using paging::PageRange;
using paging::PageSize;
using paging::PhysAddr;
using paging::VirtAddr;

constexpr std::uint64_t kib4 = paging::bytes_of(PageSize::size_4k);
constexpr std::uint64_t mib2 = paging::bytes_of(PageSize::size_2m);

constexpr auto large_page = Page2m::at<0x4000'4020'0000>();
constexpr std::uint64_t start = large_page.address().raw();

constexpr PageRange pages(std::uint64_t first, std::uint64_t count) {
    return {large_page.address() + first * kib4, count};
}

/// A large frame whose every page begins with its own number, from 1 up.
paging::Frame2m numbered_frame() {
    const auto frame = large_frame();
    for (std::uint64_t n = 0; n < mib2 / kib4; ++n) {
        *in_direct_map(frame.address() + n * kib4) = n + 1;
    }
    return frame;
}

/// An address space, loaded, with such a frame mapped as one large page.
struct LargePageMapped {
    AddressSpace space;
    paging::Frame2m frame = numbered_frame();

    LargePageMapped() {
        const auto first = paging::Frame4k::containing(frame.address());
        expect_ok(space.mapper().map_range({large_page.address(), 512}, *first, user_data,
                                           PageSize::size_2m));
        space.load();
        expect_size(0, PageSize::size_2m);
    }

    void expect_size(std::uint64_t number, PageSize size) {
        const auto mapping = space.mapper().lookup(VirtAddr(start + number * kib4));
        GUEST_REQUIRE(mapping.has_value());
        GUEST_EXPECT_EQ(mapping->size, size);
    }
    void expect_reads(std::uint64_t number) {
        expect_user_reads(space, start + number * kib4, number + 1);
    }
    void expect_fault(std::uint64_t number) {
        const std::uint64_t address = start + number * kib4;
        expect_user_fault(space, run_user(read_user, address), address, AccessType::read,
                          PageFaultError::user_bit);
    }
    /// Unmaps and says how many bytes came back.
    std::uint64_t unmap(const PageRange& range) {
        auto detached = space.mapper().unmap_range(range);
        expect_ok(detached);
        auto done = std::move(*detached).invalidate(LocalInvalidator{});
        std::uint64_t bytes = 0;
        space.mapper().reclaim(std::move(done), [&](const paging::UnmappedPage& page) {
            bytes += paging::bytes_of(page.size);
        });
        return bytes;
    }
};

GUEST_TEST(ranges, part_of_a_large_page_is_unmapped) {
    LargePageMapped large;
    for (const std::uint64_t number : {0U, 99U, 100U, 101U, 511U}) {
        large.expect_reads(number);
    }
    GUEST_EXPECT_EQ(large.unmap(pages(100, 1)), kib4);
    large.expect_size(99, PageSize::size_4k);
    large.expect_fault(100);
    for (const std::uint64_t number : {0U, 99U, 101U, 511U}) {
        large.expect_reads(number);
    }
}

GUEST_TEST(ranges, an_unmapped_range_faults_everywhere) {
    LargePageMapped large;
    large.expect_reads(0);
    large.expect_reads(511);
    GUEST_EXPECT_EQ(large.unmap(pages(0, 512)), mib2);
    large.expect_fault(0);
    large.expect_fault(511);
    // The tables above are gone with it, and come anew.
    expect_ok(large.space.mapper().map(large_page, large.frame, user_data));
    large.expect_reads(511);
}

GUEST_TEST(ranges, part_of_a_large_page_becomes_read_only) {
    LargePageMapped large;
    GUEST_EXPECT(run_user(write_user, start + 7 * kib4, 8).returned);
    auto rights = large.space.mapper().protect_range(pages(7, 2), user_read_only);
    expect_ok(rights);
    std::move(*rights).invalidate(LocalInvalidator{});
    large.expect_reads(7);
    const std::uint64_t address = start + 7 * kib4;
    expect_user_fault(
        large.space, run_user(write_user, address, 9), address, AccessType::write,
        PageFaultError::present_bit | PageFaultError::write_bit | PageFaultError::user_bit);
    GUEST_EXPECT(run_user(write_user, start + 6 * kib4, 7).returned);
    GUEST_EXPECT(run_user(write_user, start + 9 * kib4, 10).returned);
    large.expect_reads(6);
    large.expect_reads(9);
}

GUEST_TEST(ranges, split_and_merge_are_invisible_but_for_the_size) {
    LargePageMapped large;
    const auto reads_everywhere = [&] {
        for (const std::uint64_t number : {0U, 1U, 255U, 511U}) {
            large.expect_reads(number);
        }
    };
    reads_everywhere();
    auto parts = large.space.mapper().split(large_page);
    expect_ok(parts);
    std::move(*parts).invalidate(LocalInvalidator{});
    large.expect_size(1, PageSize::size_4k);
    reads_everywhere();
    GUEST_EXPECT(run_user(write_user, start + 3 * kib4, 4).returned);

    auto table = large.space.mapper().merge(large_page);
    expect_ok(table);
    large.space.mapper().reclaim(std::move(*table).invalidate(LocalInvalidator{}));
    large.expect_size(1, PageSize::size_2m);
    reads_everywhere();
    const auto leaf = large.space.mapper().lookup(large_page.address());
    GUEST_EXPECT_EQ(leaf->raw & paging::bits::dirty, paging::bits::dirty);
}

GUEST_TEST(ranges, the_processor_marks_the_part_that_was_written) {
    LargePageMapped large;
    auto parts = large.space.mapper().split(large_page);
    expect_ok(parts);
    std::move(*parts).invalidate(LocalInvalidator{});
    GUEST_EXPECT(run_user(write_user, start + 5 * kib4, 6).returned);
    auto detached = large.space.mapper().unmap_range(pages(0, 512));
    expect_ok(detached);
    std::uint64_t dirty = 0;
    std::uint64_t dirty_frame = 0;
    large.space.mapper().reclaim(std::move(*detached).invalidate(LocalInvalidator{}),
                                 [&](const paging::UnmappedPage& page) {
                                     dirty += page.dirty() ? 1 : 0;
                                     dirty_frame = page.dirty() ? page.frame.raw() : dirty_frame;
                                 });
    GUEST_EXPECT_EQ(dirty, 1U);
    GUEST_EXPECT_EQ(dirty_frame, (large.frame.address() + 5 * kib4).raw());
}

GUEST_TEST(ranges, a_range_across_two_tables_is_mapped_page_by_page) {
    AddressSpace space;
    // The large frame is not aligned to where it is mapped, so that no large page fits.
    const auto frame = numbered_frame();
    const PageRange range{VirtAddr(start - 4 * kib4), 8};
    expect_ok(space.mapper().map_range(range, *paging::Frame4k::containing(frame.address()),
                                       user_data, PageSize::size_2m));
    space.load();
    for (std::uint64_t n = 0; n < range.pages; ++n) {
        expect_user_reads(space, range.start.raw() + n * kib4, n + 1);
    }
    const std::uint64_t beyond = range.last().raw() + 1;
    expect_user_fault(space, run_user(read_user, beyond), beyond, AccessType::read,
                      PageFaultError::user_bit);
}

GUEST_TEST(ranges, many_pages_are_flushed_as_a_whole_space) {
    AddressSpace space;
    constexpr std::uint64_t count = 4;
    const auto address = [](std::uint64_t n) { return start + 2 * n * kib4; };
    const auto page = [&](std::uint64_t n) { return *paging::Page4k::from(VirtAddr(address(n))); };
    for (std::uint64_t n = 0; n < count; ++n) {
        expect_ok(
            space.mapper().map(page(n), frame_with(n + 1), user_data.with_global(n % 2 == 0)));
    }
    space.load();
    paging::StaleBatch<count> batch(space.id(), count - 1);
    for (std::uint64_t n = 0; n < count; ++n) {
        expect_user_reads(space, address(n), n + 1);
        auto stale = space.mapper().unmap(page(n));
        expect_ok(stale);
        expect_ok(batch.add(std::move(*stale)));
    }
    GUEST_EXPECT(batch.pages().everything());
    std::uint64_t freed = 0;
    batch.invalidate(LocalInvalidator{}, [&](PhysAddr, PageSize) { ++freed; });
    GUEST_EXPECT_EQ(freed, count);
    for (std::uint64_t n = 0; n < count; ++n) {
        expect_user_fault(space, run_user(read_user, address(n)), address(n), AccessType::read,
                          PageFaultError::user_bit);
    }
}

}  // namespace
}  // namespace nestbed::guest
