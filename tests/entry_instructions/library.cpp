// Single operations on entries with the entry library. Each has its counterpart of the same name in
// plain_c.c; compare.sh counts the instructions of both.

#include <cstddef>
#include <cstdint>

#include "shared/paging/entry.hpp"
#include "shared/paging/frame.hpp"
#include "shared/paging/page.hpp"
#include "shared/paging/table.hpp"

using nestbed::paging::EntryFormat;
using nestbed::paging::EntryKind;
using nestbed::paging::Flags;
using nestbed::paging::Frame1g;
using nestbed::paging::Frame2m;
using nestbed::paging::Frame4k;
using nestbed::paging::Level;
using nestbed::paging::LinearWidth;
using nestbed::paging::Page4k;
using nestbed::paging::PageSize;
using nestbed::paging::Pde;
using nestbed::paging::Pdpte;
using nestbed::paging::Permission;
using nestbed::paging::PhysAddr;
using nestbed::paging::Pml4e;
using nestbed::paging::Pte;
using nestbed::paging::Table;
using nestbed::paging::VirtAddr;

namespace {

/// What the functions return for "nothing".
constexpr std::uint64_t none = ~std::uint64_t{0};

}  // namespace

extern "C" {

std::uint64_t make_leaf_4k(Frame4k frame, Flags flags) { return Pte::leaf(frame, flags).raw(); }
std::uint64_t make_leaf_2m(Frame2m frame, Flags flags) { return Pde::leaf(frame, flags).raw(); }
std::uint64_t make_leaf_1g(Frame1g frame, Flags flags) { return Pdpte::leaf(frame, flags).raw(); }
std::uint64_t make_table(Frame4k next) { return Pde::table(next).raw(); }
std::uint64_t make_constant_leaf() {
    constexpr Flags flags(Permission::read | Permission::write | Permission::user);
    return Pte::leaf(Frame4k::at<0x1234'5000>(), flags).raw();
}

std::uint64_t frame_of_leaf_4k(Pte entry) {
    return entry.kind() == EntryKind::leaf ? entry.leaf_frame()->address().raw() : none;
}
std::uint64_t frame_of_leaf_2m(Pde entry) {
    return entry.kind() == EntryKind::leaf ? entry.leaf_frame()->address().raw() : none;
}
std::uint64_t table_of_pde(Pde entry) {
    return entry.kind() == EntryKind::table ? entry.next_table()->address().raw() : none;
}
std::uint64_t table_of_pml4e(Pml4e entry) {
    return entry.kind() == EntryKind::table ? entry.next_table()->address().raw() : none;
}
// The same without `kind()`.
std::uint64_t optional_frame_4k(Pte entry) {
    const auto frame = entry.leaf_frame();
    return frame ? frame->address().raw() : none;
}
std::uint64_t optional_frame_2m(Pde entry) {
    const auto frame = entry.leaf_frame();
    return frame ? frame->address().raw() : none;
}
std::uint64_t optional_table(Pde entry) {
    const auto table = entry.next_table();
    return table ? table->address().raw() : none;
}

unsigned kind_of_pte(Pte entry) { return static_cast<unsigned>(entry.kind()); }
unsigned kind_of_pde(Pde entry) { return static_cast<unsigned>(entry.kind()); }
unsigned kind_of_pml4e(Pml4e entry) { return static_cast<unsigned>(entry.kind()); }
bool is_table(Pde entry) { return entry.kind() == EntryKind::table; }
bool is_leaf_2m(Pde entry) { return entry.kind() == EntryKind::leaf; }

bool is_present(Pte entry) { return entry.present(); }
bool is_writable(Pte entry) { return entry.writable(); }
bool is_dirty(Pte entry) { return entry.dirty(); }
bool is_no_execute(Pte entry) { return entry.no_execute(); }

std::uint64_t set_writable(Pte entry) { return entry.with_writable(true).raw(); }
std::uint64_t clear_writable(Pte entry) { return entry.with_writable(false).raw(); }
std::uint64_t set_no_execute(Pte entry) { return entry.with_no_execute(true).raw(); }
std::uint64_t clear_accessed(Pde entry) { return entry.with_accessed(false).raw(); }
std::uint64_t clear_dirty(Pte entry) { return entry.with_dirty(false).raw(); }

std::uint64_t set_flags_4k(Pte entry, Flags flags) { return entry.with_flags(flags).raw(); }
std::uint64_t set_flags_2m(Pde entry, Flags flags) { return entry.with_flags(flags).raw(); }
std::uint64_t set_frame_4k(Pte entry, Frame4k frame) { return entry.with_leaf_frame(frame).raw(); }
std::uint64_t set_frame_2m(Pde entry, Frame2m frame) { return entry.with_leaf_frame(frame).raw(); }
std::uint64_t optional_available_high(Pte entry, unsigned value) {
    const auto changed = entry.with_available_high(value);
    return changed ? changed->raw() : none;
}

std::uint64_t flags_of_leaf_4k(Pte entry) { return entry.flags().to_leaf(PageSize::size_4k); }
std::uint64_t flags_of_leaf_2m(Pde entry) { return entry.flags().to_leaf(PageSize::size_4k); }
unsigned permission_of(Pte entry) { return static_cast<unsigned>(entry.permission()); }
bool permits_writing(Pte entry) { return contains(entry.permission(), Permission::write); }
unsigned protection_key_of(Pte entry) { return entry.flags().protection_key(); }
std::uint64_t reserved_in_pte(Pte entry, const EntryFormat& format) {
    return entry.reserved_bits_set(format);
}
std::uint64_t reserved_in_pml4e(Pml4e entry, const EntryFormat& format) {
    return entry.reserved_bits_set(format);
}

std::uint64_t index_in_pml4(VirtAddr address) {
    return Table<Level::pml4>::index_of(address).value();
}
std::uint64_t index_in_pt(VirtAddr address) { return Table<Level::pt>::index_of(address).value(); }
std::uint64_t entry_in_pd(const Table<Level::pd>& table, VirtAddr address) {
    return table.get(Table<Level::pd>::index_of(address)).raw();
}

bool is_canonical_48(VirtAddr address) { return address.is_canonical(LinearWidth::bits_48); }
std::uint64_t frame_from_address(PhysAddr address) {
    const auto frame = Frame4k::from(address);
    return frame ? frame->address().raw() : none;
}
std::uint64_t page_from_address(VirtAddr address) {
    const auto page = Page4k::from(address);
    return page ? page->address().raw() : none;
}
std::uint64_t page_of_address(VirtAddr address) {
    return Page4k::containing(address).address().raw();
}
}
