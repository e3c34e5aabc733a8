// Page tables that no host should follow: loops, holes, and such as change while it walks.

#include "guest/kernel/user.hpp"
#include "tests/hostile/guests/hostile.hpp"

namespace nestbed::guest {
namespace {

using namespace hostile;

constexpr std::uint64_t frame_bits = 0x000F'FFFF'FFFF'F000;
std::uint64_t root() { return read_cr3() & frame_bits; }

/// What the diagnosis of a crash there walks.
void die_at(std::uint64_t address) { store(address, 1); }

// In PML4 entry 224 of the VMM's own tables.

GUEST_TEST(tables, of_which_one_is_its_own_entry) {
    entry_of(unmapped, 4) = root() | mapped;
    die_at(unmapped);
}

GUEST_TEST(tables, that_are_all_one_table) {
    const std::uint64_t table = new_frame();
    for (std::uint64_t n = 0; n < 512; ++n) {
        table_at(table)[n] = table | mapped;
    }
    entry_of(unmapped, 4) = table | mapped;
    // The text is the table: its own address, over and over.
    send(RecordType::log, pointer(unmapped));
    send(RecordType::skip, pointer(unmapped + 0x1000));
    send(RecordType::measurement, pointer(unmapped));
}

GUEST_TEST(tables, in_a_hole) {
    entry_of(unmapped, 4) = hole | mapped;
    die_at(unmapped);
}

GUEST_TEST(tables, in_mmio) {
    entry_of(unmapped, 4) = mmio_hole | mapped;
    die_at(unmapped);
}

GUEST_TEST(tables, in_the_local_apic) {
    entry_of(unmapped, 4) = 0xFEE0'0000 | mapped;
    die_at(unmapped);
}

GUEST_TEST(tables, at_the_end_of_addresses) {
    entry_of(unmapped, 4) = frame_bits | mapped;
    die_at(unmapped);
}

GUEST_TEST(tables, behind_the_last_page_of_memory) {
    entry_of(unmapped, 4) = boot_info().free_memory_end | mapped;
    die_at(unmapped);
}

GUEST_TEST(tables, of_ones) {
    const std::uint64_t table = new_frame();
    for (std::uint64_t n = 0; n < 512; ++n) {
        table_at(table)[n] = ~std::uint64_t{0};
    }
    entry_of(unmapped, 4) = table | mapped;
    die_at(unmapped);
}

GUEST_TEST(tables, with_a_huge_page_over_everything) {
    const std::uint64_t table = new_frame();
    constexpr std::uint64_t large = 1U << 7;
    table_at(table)[0] = mapped | large;  // 1 GiB from 0 on: memory ends in it
    entry_of(unmapped, 4) = table | mapped;
    flush_tlb();
    send(RecordType::log, pointer(unmapped + (1 << 30) - 4));
}

GUEST_TEST(tables, with_a_misaligned_huge_page) {
    const std::uint64_t table = new_frame();
    constexpr std::uint64_t large = 1U << 7;
    table_at(table)[0] = mapped | large | 1U << 13;
    entry_of(unmapped, 4) = table | mapped;
    die_at(unmapped);
}

// Of the running CPU.

GUEST_TEST(tables, root_in_a_hole) { write_cr3(hole); }
GUEST_TEST(tables, root_in_mmio) { write_cr3(mmio_hole); }
GUEST_TEST(tables, root_at_the_end_of_addresses) { write_cr3(frame_bits); }
GUEST_TEST(tables, root_of_zeroes) { write_cr3(new_frame()); }

GUEST_TEST(tables, root_of_ones) {
    const std::uint64_t table = new_frame();
    for (std::uint64_t n = 0; n < 512; ++n) {
        table_at(table)[n] = ~std::uint64_t{0};
    }
    write_cr3(table);
}

GUEST_TEST(tables, root_of_which_all_entries_are_the_root) {
    const std::uint64_t table = new_frame();
    for (std::uint64_t n = 0; n < 512; ++n) {
        table_at(table)[n] = table | mapped;
    }
    write_cr3(table);
}

GUEST_TEST(tables, root_that_is_the_code) {
    write_cr3(entry_of(channel::layout::kernel_image, 1) & frame_bits);
}

GUEST_TEST(tables, cleared_under_its_feet, {.timeout = 1}) {
    GUEST_LOG("a line whose text nobody finds");
    for (std::uint64_t n = 0; n < 512; ++n) {
        table_at(root())[n] = 0;
        // The direct map, which this loop needs, last.
        n += n == 271 ? 1 : 0;
    }
    table_at(root())[272] = 0;
    flush_tlb();
}

GUEST_TEST(tables, text_unmapped_behind_its_record) {
    GUEST_LOG("a line whose text nobody finds");
    entry_of(channel::layout::kernel_image, 4) = 0;  // the running CPU has it in its TLB, or dies
    out(channel::port::finish, 0);
}

// While the host walks: a doorbell copies a measurement and its histogram by these tables.

alignas(4096) stats::Histogram histogram;
channel::Measurement measurement{"name", "unit", &histogram, 0, 0, 0, {}, {}};
GUEST_USER_DATA std::atomic<bool> is_over = false;

/// User mode turns an entry over, as fast as it can.
GUEST_USER std::uint64_t turn(std::uint64_t entry_address, std::uint64_t good) {
    auto& entry = *reinterpret_cast<volatile std::uint64_t*>(entry_address);
    while (!is_over.load(std::memory_order_relaxed)) {
        entry = 0;
        entry = hole | mapped;
        entry = ~std::uint64_t{0};
        entry = good;
    }
    entry = good;
    return 0;
}

/// CPU 0 sends `record` on and on while CPU 1 turns the entry of `level` over that leads to
/// `address`.
void send_while_turned(std::uint64_t address, unsigned level) {
    histogram.record(1);
    std::uint64_t& entry = entry_of(address, level);
    const std::uint64_t good = entry;
    open_to_user(&entry);
    run_on_cpus(2, [&](std::uint32_t cpu) {
        if (cpu == 0) {
            for (std::uint64_t n = 0; n < 200; ++n) {
                send(RecordType::measurement, pointer<const void>(address));
            }
            is_over = true;
        } else {
            static_cast<void>(run_user(turn, address_of(entry), good));
        }
    });
}

/// The measurement by another way, which the guest's own code does not go.
std::uint64_t other_way() {
    const std::uint64_t page = address_of(measurement) & ~std::uint64_t{4095};
    map_page(unmapped, entry_of(page, 1) & frame_bits);
    map_page(unmapped + 4096, entry_of(page + 4096, 1) & frame_bits);
    return unmapped + (address_of(measurement) & 4095);
}

GUEST_TEST(tables, turned_over_at_level_1, {.cpus = 2}) { send_while_turned(other_way(), 1); }
GUEST_TEST(tables, turned_over_at_level_2, {.cpus = 2}) { send_while_turned(other_way(), 2); }
GUEST_TEST(tables, turned_over_at_level_3, {.cpus = 2}) { send_while_turned(other_way(), 3); }
GUEST_TEST(tables, turned_over_at_level_4, {.cpus = 2}) { send_while_turned(other_way(), 4); }

GUEST_TEST(tables, changed_until_the_timeout, {.cpus = 2, .timeout = 1}) {
    const std::uint64_t at = other_way();
    std::uint64_t& entry = entry_of(at, 3);
    open_to_user(&entry);
    start_on(1, {[](void* place) {
                     static_cast<void>(
                         run_user(turn, reinterpret_cast<std::uint64_t>(place), hole | mapped));
                 },
                 &entry});
    static_cast<void>(load(at));
    spin();
}

}  // namespace
}  // namespace nestbed::guest
