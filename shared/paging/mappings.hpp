#pragma once

#include <concepts>
#include <cstdint>

#include "address.hpp"
#include "bits.hpp"
#include "entry_format.hpp"
#include "entry_slice.hpp"
#include "flags.hpp"
#include "frame.hpp"
#include "level.hpp"
#include "page_range.hpp"
#include "permission.hpp"
#include "result.hpp"
#include "table_tree.hpp"
#include "window.hpp"

namespace nestbed::paging {

/// A page that is mapped.
struct MappedPage {
    VirtAddr page{};
    PhysAddr frame{};
    PageSize size = PageSize::size_4k;
    /// What all levels together grant.
    Permission granted = Permission::none;
    /// The leaf's own flags; their permission is the leaf's alone.
    Flags flags{Permission::none};
    /// The leaf entry.
    std::uint64_t raw = 0;
};

template <typename F>
concept MappedPageVisitor = std::invocable<F&, const MappedPage&>;

namespace detail {

template <TableWindow Window, typename Visit>
constexpr Result<void> visit_mappings(const Window& window, Level level, Frame4k table,
                                      Permission above, VirtAddr first, VirtAddr last,
                                      Visit& visit) {
    std::uint64_t* entries = window(table);
    if (entries == nullptr) {
        return Error{.kind = ErrorKind::not_addressable,
                     .level = level,
                     .virt = first,
                     .phys = table.address()};
    }
    for (const EntrySlice slice : EntrySlices(level, first, last)) {
        const std::uint64_t raw = load_entry(entries[slice.index]);
        const Permission granted = above & permission_of(raw);
        switch (kind_of(level, raw)) {
            case EntryKind::not_present:
                break;
            case EntryKind::malformed:
                return Error{.kind = ErrorKind::malformed, .level = level, .virt = slice.first};
            case EntryKind::leaf: {
                const PageSize size = leaf_size_of(level);
                visit(MappedPage{.page = start_of(level, slice.first),
                                 .frame = PhysAddr(raw & bits::leaf_frame(size)),
                                 .size = size,
                                 .granted = granted,
                                 .flags = Flags::of_leaf(size, raw),
                                 .raw = raw});
                break;
            }
            case EntryKind::table: {
                const Frame4k next = *TableEntry(raw).next_table();
                if (const auto done = visit_mappings(window, below(level), next, granted,
                                                     slice.first, slice.last, visit);
                    !done) {
                    return done;
                }
                break;
            }
        }
    }
    return {};
}

}  // namespace detail

/// Calls `visit(const MappedPage&)` for each page that is mapped in a range, wholly or partly, in
/// the order of addresses. The range lies in one half of the canonical addresses.
///
/// It reads live tables entry by entry: what others change meanwhile it may see or not.
///
/// Errors, at which it stops: `not_canonical` (the range); `malformed`, `not_addressable` (a
/// table).
template <TableWindow Window, MappedPageVisitor Visit>
constexpr Result<void> for_each_mapping(const Window& window, Frame4k root, LinearWidth width,
                                        const PageRange& range, Visit&& visit) {
    if (range.empty()) {
        return {};
    }
    const bool canonical = range.is_addressable() && range.start.is_canonical(width) &&
                           range.last().is_canonical(width) &&
                           range.start.is_upper_half() == range.last().is_upper_half();
    if (!canonical) {
        return Error{.kind = ErrorKind::not_canonical, .virt = range.start};
    }
    constexpr auto everything = static_cast<Permission>(permission_count - 1);
    return detail::visit_mappings(window, root_level_of(width), root, everything, range.start,
                                  range.last(), visit);
}

}  // namespace nestbed::paging
