#pragma once

#include <cstddef>
#include <cstdint>

#include "entry.hpp"
#include "level.hpp"
#include "live_entry.hpp"
#include "result.hpp"
#include "table_index.hpp"
#include "table_view.hpp"

namespace nestbed::paging {

/// The root table of an address space: its own entries 0 to 255, and the kernel's 256 to 511, which
/// all roots share and no root changes by itself.
///
/// All accesses are live ones, as `TableView` makes them. A root is not copied: two address spaces
/// would own the same user tables. It is a table and nothing else, so a zeroed frame is an empty
/// one.
template <Level L = Level::pml4>
requires(L == Level::pml4 || L == Level::pml5) class alignas(4096) PageTableRoot {
  public:
    static constexpr Level level = L;

    /// The first entry of the kernel's half.
    static constexpr std::size_t kernel_half = entries_per_table / 2;

    /// Empty: it translates nothing, not even the kernel.
    constexpr PageTableRoot() = default;

    /// Empty but for the kernel's half, which is that of `kernel`.
    static constexpr PageTableRoot with_kernel_half_of(const PageTableRoot& kernel) {
        return PageTableRoot(kernel, KernelHalf{});
    }

    PageTableRoot& operator=(const PageTableRoot&) = delete;

    /// Takes the entries of the kernel's half from `kernel`: once in a root that was empty, and
    /// again in all roots after the kernel's gained an entry.
    constexpr void share_kernel_half_of(const PageTableRoot& kernel) {
        for (std::size_t n = kernel_half; n < entries_per_table; ++n) {
            const TableIndex<L> index = *TableIndex<L>::from(n);
            view().set(index, kernel.get(index));
        }
    }

    constexpr Entry<L> get(TableIndex<L> index) const {
        return ConstTableView<L>(entries_).get(index);
    }

    /// Replaces an entry of the user's half. What processors may have cached of it before is the
    /// caller's to invalidate. Errors: `kernel_half`.
    constexpr Result<void> set(TableIndex<L> index, Entry<L> entry) {
        if (is_kernels(index)) {
            return refusal(index);
        }
        view().set(index, entry);
        return {};
    }

    /// Zeroes an entry of the user's half and returns what was there; otherwise as `set`.
    constexpr Result<Entry<L>> clear(TableIndex<L> index) {
        if (is_kernels(index)) {
            return refusal(index);
        }
        return view().clear(index);
    }

    /// Whether the entry with this index is the kernel's.
    static constexpr bool is_kernels(TableIndex<L> index) { return index.value() >= kernel_half; }

    /// The raw entries, as a window (see `TableWindow`) hands them out: nothing protects the
    /// kernel's half there but the scope of the mapper that uses the window.
    constexpr std::uint64_t* data() { return entries_; }
    constexpr const std::uint64_t* data() const { return entries_; }

  private:
    struct KernelHalf {};

    constexpr PageTableRoot(const PageTableRoot& kernel, KernelHalf) {
        share_kernel_half_of(kernel);
    }

    // Nobody's to use, but not deleted: with a trivial constructor the class has implicit lifetime,
    // and the bytes of a zeroed frame may be taken for an object without writing them again.
    constexpr PageTableRoot(const PageTableRoot&) = default;

    /// For an entry of the kernel's half, with the first address that it translates.
    static constexpr Error refusal(TableIndex<L> index) {
        constexpr std::uint64_t sign_extension = ~std::uint64_t{0} << (index_shift_of(L) + 9);
        const VirtAddr first(sign_extension | std::uint64_t{index.value()} << index_shift_of(L));
        return {.kind = ErrorKind::kernel_half, .level = L, .virt = first};
    }

    constexpr TableView<L> view() { return TableView<L>(entries_); }

    std::uint64_t entries_[entries_per_table] = {};
};

static_assert(sizeof(PageTableRoot<>) == 4096 && alignof(PageTableRoot<>) == 4096);

}  // namespace nestbed::paging
