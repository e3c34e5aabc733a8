#include "guest/harness/user_page_faults.hpp"

#include <array>
#include <atomic>

#include "guest/kernel/boot.hpp"
#include "guest/kernel/frames.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/interrupts.hpp"
#include "guest/kernel/panic.hpp"
#include "guest/kernel/smp.hpp"
#include "shared/arch/exceptions.hpp"
#include "shared/chase/chase.hpp"
#include "shared/paging/bits.hpp"
#include "shared/paging/live_entry.hpp"
#include "shared/paging/walk.hpp"

namespace nestbed::guest {

namespace {

constexpr auto page_fault = static_cast<std::uint8_t>(arch::Exception::page_fault);

constinit Blocks faulting{};
/// The leaf entries of the blocks' pages.
constinit std::array<std::uint64_t*, max_blocks> entries{};
constinit std::atomic<std::uint64_t> faults{0};

std::uint64_t* entry_of(std::uint64_t page) {
    const auto root = *paging::Frame4k::containing(paging::PhysAddr(read_cr3()));
    const paging::WalkResult way =
        paging::walk(paging::WindowReader{DirectMapWindow{}}, root, test_page(page), {}, {});
    if (way.trace.back().level != paging::Level::pt) {
        panic("no leaf table maps this page");
    }
    return in_direct_map(way.trace.back().entry);
}

/// One walk for each leaf table; the entries of its other pages lie beside.
void find_entries(const Blocks& blocks) {
    faulting = blocks;
    std::uint64_t* table_entry = nullptr;
    std::uint64_t table = ~std::uint64_t{0};
    for (std::uint64_t n = 0; n < blocks.count; ++n) {
        const std::uint64_t page = (blocks.first + n) * blocks.pages;
        if (page / paging::entries_per_table != table) {
            table = page / paging::entries_per_table;
            table_entry = entry_of(table * paging::entries_per_table);
        }
        entries[n] = table_entry + page % paging::entries_per_table;
    }
}

void flush_everywhere() {
    run_on_cpus(cpu_count(), [](std::uint32_t) { flush_tlb(); });
}

/// Relaxed: a count, and whoever reads it has waited for the CPUs.
void count_fault() { faults.fetch_add(1, std::memory_order_relaxed); }

void clear_bits(std::uint64_t mask) {
    for (std::uint64_t n = 0; n < faulting.count; ++n) {
        paging::clear_entry_bits(*entries[n], mask);
    }
    flush_everywhere();
}

void skip_store(TrapFrame& frame) {
    count_fault();
    frame.rip += store_bytes;
}

/// Without an invalidation: the fault itself drops what the TLB held of the page (SDM Vol. 3A
/// 4.10.4.1).
void make_writable(TrapFrame& frame) {
    const std::uint64_t page = (read_cr2() - test_page(0)) / chase::page_bytes;
    const std::uint64_t n = page / faulting.pages - faulting.first;
    if (n >= faulting.count) {
        panic(frame, read_cr2());
    }
    count_fault();
    paging::set_entry_bits(*entries[n], paging::bits::writable);
}

void expect_faults(const Blocks& blocks, std::uint64_t mask, InterruptHandler handler) {
    find_entries(blocks);
    clear_bits(mask);
    faults.store(0, std::memory_order_relaxed);
    set_interrupt_handler(page_fault, handler);
}

}  // namespace

void withdraw_pages(const Blocks& blocks) {
    expect_faults(blocks, paging::bits::present, skip_store);
}

void protect_pages(const Blocks& blocks) {
    expect_faults(blocks, paging::bits::writable, make_writable);
}

std::uint64_t restore_pages() {
    set_interrupt_handler(page_fault, nullptr);
    for (std::uint64_t n = 0; n < faulting.count; ++n) {
        paging::set_entry_bits(*entries[n], paging::bits::present | paging::bits::writable);
    }
    flush_everywhere();
    return faults.load(std::memory_order_relaxed);
}

}  // namespace nestbed::guest
