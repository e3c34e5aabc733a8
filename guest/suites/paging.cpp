// Page tables: what the processor makes of what the entry library writes. Every test asks `walk()`,
// the library's model of the processor, for its word as well.

#include <array>
#include <atomic>

#include "guest/harness/test.hpp"
#include "guest/kernel/address_space.hpp"
#include "guest/kernel/apic.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/interrupts.hpp"
#include "guest/kernel/smp.hpp"
#include "guest/kernel/user.hpp"
#include "guest/suites/user_access.hpp"
#include "shared/arch/page_fault.hpp"

namespace nestbed::guest {
namespace {

using arch::PageFaultError;
using paging::AccessMode;
using paging::AccessType;
using paging::Flags;
using paging::Page2m;
using paging::Page4k;
using paging::PageSize;
using paging::Permission;

constexpr auto page = Page4k::at<0x4000'0000'1000>();
constexpr auto large_page = Page2m::at<0x4000'4020'0000>();
constexpr Flags kernel_data(Permission::read | Permission::write);

GUEST_USER std::uint64_t call_user(std::uint64_t address, std::uint64_t) {
    reinterpret_cast<void (*)()>(address)();
    return 0;
}

GUEST_TEST(paging, map_and_read_back) {
    AddressSpace space;
    expect_ok(space.mapper().map(page, frame_with(0x1111), user_data));
    space.load();
    expect_user_reads(space, page.address().raw(), 0x1111);
    GUEST_EXPECT_EQ(*reinterpret_cast<volatile std::uint64_t*>(page.address().raw()), 0x1111U);
}

GUEST_TEST(paging, a_write_lands_in_the_frame) {
    AddressSpace space;
    const auto frame = frame_with(0);
    expect_ok(space.mapper().map(page, frame, user_data));
    space.load();
    GUEST_EXPECT(run_user(write_user, page.address().raw() + 8, 0x2222).returned);
    GUEST_EXPECT_EQ(in_direct_map(frame.address())[1], 0x2222U);
}

GUEST_TEST(paging, two_pages_may_share_a_frame) {
    constexpr auto alias = Page4k::at<0x5000'0000'0000>();
    AddressSpace space;
    const auto frame = frame_with(0);
    expect_ok(space.mapper().map(page, frame, user_data));
    expect_ok(space.mapper().map(alias, frame, user_read_only));
    space.load();
    GUEST_EXPECT(run_user(write_user, page.address().raw(), 0x3333).returned);
    expect_user_reads(space, alias.address().raw(), 0x3333);
}

GUEST_TEST(paging, the_processor_sets_accessed_and_dirty) {
    AddressSpace space;
    expect_ok(space.mapper().map(page, frame_with(0), user_data));
    space.load();
    const auto leaf = [&] { return *space.mapper().lookup(page.address()); };
    // Accessed may be set by speculation at any time, dirty may not (SDM Vol. 3A 4.8).
    GUEST_EXPECT_EQ(leaf().raw & paging::bits::dirty, 0U);
    GUEST_EXPECT(run_user(read_user, page.address().raw()).returned);
    GUEST_EXPECT_EQ(leaf().raw & (paging::bits::accessed | paging::bits::dirty),
                    paging::bits::accessed);
    GUEST_EXPECT(run_user(write_user, page.address().raw(), 1).returned);
    GUEST_EXPECT_EQ(leaf().raw & (paging::bits::accessed | paging::bits::dirty),
                    paging::bits::accessed | paging::bits::dirty);
}

GUEST_TEST(paging, remap_is_seen_after_invalidation) {
    AddressSpace space;
    expect_ok(space.mapper().map(page, frame_with(1), user_data));
    space.load();
    expect_user_reads(space, page.address().raw(), 1);
    auto stale = space.mapper().remap(page, frame_with(2), user_data);
    expect_ok(stale);
    frames().free((*std::move(stale)).invalidate(LocalInvalidator{}));
    expect_user_reads(space, page.address().raw(), 2);
}

GUEST_TEST(paging, protect_takes_write_away) {
    AddressSpace space;
    expect_ok(space.mapper().map(page, frame_with(7), user_data));
    space.load();
    const std::uint64_t address = page.address().raw();
    GUEST_EXPECT(run_user(write_user, address, 8).returned);
    auto stale = space.mapper().protect(page, user_read_only);
    expect_ok(stale);
    (*std::move(stale)).invalidate(LocalInvalidator{});
    expect_user_reads(space, address, 8);
    expect_user_fault(
        space, run_user(write_user, address, 9), address, AccessType::write,
        PageFaultError::present_bit | PageFaultError::write_bit | PageFaultError::user_bit);
    expect_user_reads(space, address, 8);
}

GUEST_TEST(paging, protect_gives_write_back) {
    AddressSpace space;
    expect_ok(space.mapper().map(page, frame_with(7), user_read_only));
    space.load();
    const std::uint64_t address = page.address().raw();
    GUEST_EXPECT(!run_user(write_user, address, 8).returned);
    auto stale = space.mapper().protect(page, user_data);
    expect_ok(stale);
    (*std::move(stale)).invalidate(LocalInvalidator{});
    // Rights that grew need no INVLPG: the old ones may cost one spurious fault, which drops them
    // (SDM Vol. 3A 4.10.4.3).
    GUEST_EXPECT(run_user(write_user, address, 8).returned ||
                 run_user(write_user, address, 8).returned);
    expect_user_reads(space, address, 8);
}

GUEST_TEST(paging, unmap_makes_the_page_fault) {
    AddressSpace space;
    expect_ok(space.mapper().map(page, frame_with(7), user_data));
    space.load();
    const std::uint64_t address = page.address().raw();
    expect_user_reads(space, address, 7);
    auto stale = space.mapper().unmap(page);
    expect_ok(stale);
    frames().free((*std::move(stale)).invalidate(LocalInvalidator{}));
    expect_user_fault(space, run_user(read_user, address), address, AccessType::read,
                      PageFaultError::user_bit);
}

GUEST_TEST(paging, a_supervisor_page_is_out_of_user_reach) {
    AddressSpace space;
    expect_ok(space.mapper().map(page, frame_with(7), kernel_data));
    space.load();
    const std::uint64_t address = page.address().raw();
    expect_user_fault(space, run_user(read_user, address), address, AccessType::read,
                      PageFaultError::present_bit | PageFaultError::user_bit);
    GUEST_EXPECT_EQ(*reinterpret_cast<volatile std::uint64_t*>(address), 7U);
}

GUEST_TEST(paging, a_data_page_is_not_executable, {.tags = "needs-nx"}) {
    if (boot_info().features.no_execute == 0) {
        GUEST_SKIP("no execute-disable bit");
    }
    AddressSpace space;
    expect_ok(space.mapper().map(page, frame_with(0xC3), user_data));
    space.load();
    const std::uint64_t address = page.address().raw();
    expect_user_fault(
        space, run_user(call_user, address), address, AccessType::fetch,
        PageFaultError::present_bit | PageFaultError::user_bit | PageFaultError::fetch_bit);
}

GUEST_TEST(paging, code_in_a_mapped_page_runs) {
    constexpr std::uint64_t ret = 0xC3;
    AddressSpace space;
    expect_ok(space.mapper().map(page, frame_with(ret),
                                 Flags(Permission::read | Permission::user | Permission::execute)));
    space.load();
    GUEST_EXPECT(run_user(call_user, page.address().raw()).returned);
}

GUEST_TEST(paging, a_reserved_bit_faults, {.tags = "needs-reserved-bits"}) {
    AddressSpace space;
    expect_ok(space.mapper().map(page, frame_with(7), user_data));
    const std::uint64_t address = page.address().raw();
    const unsigned width = boot_info().features.max_physical_bits;
    if (width >= paging::architectural_physical_bits) {
        GUEST_SKIP("physical addresses have all 52 bits: none is reserved");
    }
    // The library refuses to write such an entry, so the test does.
    const paging::WalkResult way = model(space, address, AccessType::read, AccessMode::user);
    std::uint64_t& entry = *in_direct_map(way.trace.back().entry);
    entry |= std::uint64_t{1} << (paging::architectural_physical_bits - 1);
    space.load();
    constexpr std::uint32_t without_present =
        PageFaultError::user_bit | PageFaultError::reserved_bit;
    UserResult result = run_user(read_user, address);
    // SDM vol. 3, 4.7: RSVD comes with P only. QEMU's software emulation (7.2 and 10.0) leaves P
    // out; all else is expected of it, too.
    const bool defective =
        !result.returned && result.trap.frame.error_code == std::uint64_t{without_present};
    if (defective) {
        result.trap.frame.error_code |= PageFaultError::present_bit;
    }
    expect_user_fault(space, result, address, AccessType::read,
                      without_present | PageFaultError::present_bit);
    if (defective) {
        GUEST_SKIP("this processor reports a reserved bit as if the page were not present");
    }
}

GUEST_TEST(paging, bit_8_of_a_pml4_entry_is_reserved_by_amd_alone) {
    AddressSpace space;
    expect_ok(space.mapper().map(page, frame_with(7), user_data));
    const std::uint64_t address = page.address().raw();
    const std::size_t index = paging::index_of(paging::Level::pml4, page.address());
    in_direct_map(space.id().root.address())[index] |= paging::bits::global;
    space.load();
    if (boot_info().features.vendor != arch::cpuid::Vendor::amd) {
        expect_user_reads(space, address, 7);
        return;
    }
    const UserResult result = run_user(read_user, address);
    if (result.returned) {
        GUEST_SKIP("this processor says that it is AMD's and ignores the bit");
    }
    expect_user_fault(
        space, result, address, AccessType::read,
        PageFaultError::present_bit | PageFaultError::user_bit | PageFaultError::reserved_bit);
}

GUEST_TEST(paging, large_page_maps_2_mib) {
    AddressSpace space;
    const auto frame = large_frame();
    constexpr std::uint64_t last_word = paging::bytes_of(PageSize::size_2m) - 8;
    in_direct_map(frame.address())[0] = 0xAAAA;
    in_direct_map(frame.address())[last_word / 8] = 0xBBBB;
    expect_ok(space.mapper().map(large_page, frame, user_data));
    space.load();
    expect_user_reads(space, large_page.address().raw(), 0xAAAA);
    expect_user_reads(space, large_page.address().raw() + last_word, 0xBBBB);
    GUEST_EXPECT(model(space, large_page.address().raw(), AccessType::read, AccessMode::user)
                     .translation.size == PageSize::size_2m);
}

GUEST_TEST(paging, large_page_remap_protect_unmap) {
    AddressSpace space;
    const auto first = large_frame();
    const auto second = large_frame();
    *in_direct_map(first.address()) = 1;
    *in_direct_map(second.address()) = 2;
    const std::uint64_t address = large_page.address().raw();
    expect_ok(space.mapper().map(large_page, first, user_data));
    space.load();
    expect_user_reads(space, address, 1);

    auto remapped = space.mapper().remap(large_page, second, user_data);
    expect_ok(remapped);
    GUEST_EXPECT((*std::move(remapped)).invalidate(LocalInvalidator{}) == first);
    expect_user_reads(space, address, 2);

    auto narrowed = space.mapper().protect(large_page, user_read_only);
    expect_ok(narrowed);
    (*std::move(narrowed)).invalidate(LocalInvalidator{});
    expect_user_fault(
        space, run_user(write_user, address + 4096, 9), address + 4096, AccessType::write,
        PageFaultError::present_bit | PageFaultError::write_bit | PageFaultError::user_bit);

    auto unmapped = space.mapper().unmap(large_page);
    expect_ok(unmapped);
    GUEST_EXPECT((*std::move(unmapped)).invalidate(LocalInvalidator{}) == second);
    expect_user_fault(space, run_user(read_user, address), address, AccessType::read,
                      PageFaultError::user_bit);
}

GUEST_TEST(paging, small_and_large_pages_do_not_overwrite_each_other) {
    AddressSpace space;
    constexpr auto inside = Page4k::at<0x4000'4020'3000>();
    expect_ok(space.mapper().map(large_page, large_frame(), user_data));
    const auto over_large = space.mapper().map(inside, frame_with(0), user_data);
    GUEST_REQUIRE(!over_large.has_value());
    GUEST_EXPECT_EQ(over_large.error().kind, paging::ErrorKind::unexpected_leaf);

    constexpr auto around = Page2m::containing(page.address());
    expect_ok(space.mapper().map(page, frame_with(0), user_data));
    const auto over_table = space.mapper().map(around, large_frame(), user_data);
    GUEST_REQUIRE(!over_table.has_value());
    GUEST_EXPECT_EQ(over_table.error().kind, paging::ErrorKind::unexpected_table);
}

GUEST_TEST(paging, the_kernel_half_is_refused) {
    AddressSpace space;
    constexpr auto kernel_page = Page4k::at<0xFFFF'9000'0000'0000>();
    const auto result = space.mapper().map(kernel_page, frame_with(0), kernel_data);
    GUEST_REQUIRE(!result.has_value());
    GUEST_EXPECT_EQ(result.error().kind, paging::ErrorKind::kernel_half);
}

GUEST_TEST(paging, address_spaces_are_apart) {
    AddressSpace first;
    AddressSpace second;
    expect_ok(first.mapper().map(page, frame_with(1), user_data));
    expect_ok(second.mapper().map(page, frame_with(2), user_data));
    for (int round = 0; round < 3; ++round) {
        first.load();
        expect_user_reads(first, page.address().raw(), 1);
        second.load();
        expect_user_reads(second, page.address().raw(), 2);
    }
    GUEST_EXPECT(first.active().empty());
    GUEST_EXPECT(second.active() == shootdown::CpuSet::of(0));
    AddressSpace::unload();
    GUEST_EXPECT(second.active().empty());
}

/// A page changed by one CPU and invalidated on another by an interrupt: the least shootdown.
GUEST_TEST(paging, remap_is_seen_on_another_cpu_after_its_invalidation, {.cpus = 2}) {
    constexpr std::uint8_t vector = 0x80;
    static constinit std::atomic<std::uint32_t> invalidated{0};
    set_interrupt_handler(vector, [](TrapFrame&) {
        invlpg(page.address().raw());
        invalidated.store(1, std::memory_order_release);
    });
    AddressSpace space;
    expect_ok(space.mapper().map(page, frame_with(1), user_data));
    Rendezvous rendezvous(2);
    run_on_cpus(2, [&](std::uint32_t cpu) {
        space.load();
        if (cpu == 1) {
            expect_user_reads(space, page.address().raw(), 1);
            rendezvous.meet();
            rendezvous.meet();
            expect_user_reads(space, page.address().raw(), 2);
            return;
        }
        rendezvous.meet();
        auto stale = space.mapper().remap(page, frame_with(2), user_data);
        expect_ok(stale);
        frames().free((*std::move(stale)).invalidate([](const paging::Invalidation&) {
            invlpg(page.address().raw());
            apic::send(1, vector);
            while (invalidated.load(std::memory_order_acquire) == 0) {
                pause();
            }
        }));
        rendezvous.meet();
    });
}

}  // namespace
}  // namespace nestbed::guest
