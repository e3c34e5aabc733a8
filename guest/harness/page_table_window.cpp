#include "guest/harness/page_table_window.hpp"

#include <atomic>

#include "guest/kernel/instructions.hpp"
#include "guest/kernel/panic.hpp"
#include "guest/kernel/spinlock.hpp"
#include "guest/kernel/user.hpp"
#include "shared/paging/walk.hpp"

namespace nestbed::guest {

namespace {

using paging::Permission;

/// Entries on their way to the table.
GUEST_USER_DATA constinit std::array<std::uint64_t, paging::entries_per_table> staged{};

struct Probe {
    std::uint64_t address;
    std::uint64_t entry_address;
    std::uint64_t entry;
};
GUEST_USER_DATA constinit Probe probe{};

[[gnu::always_inline]] inline std::atomic<std::uint64_t>& word_at(std::uint64_t address) {
    return *reinterpret_cast<std::atomic<std::uint64_t>*>(address);
}

constinit Spinlock staged_lock;

GUEST_USER std::uint64_t store_staged(std::uint64_t table, std::uint64_t count) {
    const std::uint64_t start = read_tsc();
    for (std::uint64_t n = 0; n < count; ++n) {
        // Release: a walk that finds the entry finds the frame filled.
        word_at(table + n * paging::entry_bytes).store(staged[n], std::memory_order_release);
    }
    return read_tsc() - start;
}

GUEST_USER std::uint64_t read_store_read(std::uint64_t, std::uint64_t) {
    static_cast<void>(word_at(probe.address).load());
    word_at(probe.entry_address).store(probe.entry);
    return word_at(probe.address).load();
}

paging::Frame4k leaf_table_of(AddressSpace& space, paging::Page4k page) {
    const paging::WalkResult way = paging::walk(paging::WindowReader{DirectMapWindow{}},
                                                space.id().root, page.address().raw(), {}, {});
    if (way.trace.back().level != paging::Level::pt) {
        panic("no leaf table maps this page");
    }
    return *paging::Frame4k::containing(way.trace.back().entry);
}

}  // namespace

PageTableWindow::PageTableWindow(AddressSpace& space, paging::Page4k page, paging::Page4k window)
    : table_(leaf_table_of(space, page)), window_(window) {
    const paging::Flags flags(Permission::read | Permission::write | Permission::user);
    if (!space.mapper().map(window, table_, flags)) {
        panic("the leaf table cannot be mapped for user mode");
    }
}

std::uint64_t PageTableWindow::entry(std::uint64_t index) const {
    return paging::load_entry(DirectMapWindow{}(table_)[index]);
}

void PageTableWindow::store_from_kernel(std::uint64_t index, std::uint64_t entry) const {
    paging::exchange_entry(DirectMapWindow{}(table_)[index], entry);
}

std::uint64_t PageTableWindow::store(
    const std::array<std::uint64_t, paging::entries_per_table>& entries,
    std::uint64_t count) const {
    const SpinlockGuard guard(staged_lock);
    staged = entries;
    const UserResult result = run_user(store_staged, window_.address().raw(), count);
    if (!result.returned) {
        panic("user mode could not store to the page table");
    }
    return result.value();
}

std::uint64_t PageTableWindow::read_after_store(std::uint64_t address, std::uint64_t index,
                                                std::uint64_t entry) const {
    probe = {address, window_.address().raw() + index * paging::entry_bytes, entry};
    const UserResult result = run_user(read_store_read);
    if (!result.returned) {
        panic("user mode could not read, or store to the page table");
    }
    return result.value();
}

}  // namespace nestbed::guest
