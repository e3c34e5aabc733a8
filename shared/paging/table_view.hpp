#pragma once

#include <concepts>
#include <cstdint>

#include "bits.hpp"
#include "entry.hpp"
#include "entry_format.hpp"
#include "frame.hpp"
#include "level.hpp"
#include "live_entry.hpp"
#include "result.hpp"
#include "table.hpp"
#include "table_index.hpp"
#include "window.hpp"

namespace nestbed::paging {

/// A live table of level `L`, to look at. It does not own the table, which outlives it.
template <Level L>
class ConstTableView {
  public:
    static constexpr Level level = L;

    /// `entries` are the 512 of a table of this level.
    constexpr explicit ConstTableView(const std::uint64_t* entries) : entries_(entries) {}
    constexpr explicit ConstTableView(const Table<L>& table) : entries_(table.data()) {}

    constexpr Entry<L> get(TableIndex<L> index) const {
        return Entry<L>(load_entry(entries_[index.value()]));
    }

  private:
    const std::uint64_t* entries_;
};

/// A live table of level `L`, to look at and to change; as `live_entry.hpp` says, processors may
/// walk it at any moment. Whoever changes an entry that was present sees to the stale translations,
/// which the mapper's operations do by themselves. It does not own the table, which outlives it.
template <Level L>
class TableView {
  public:
    static constexpr Level level = L;

    /// `entries` are the 512 of a table of this level.
    constexpr explicit TableView(std::uint64_t* entries) : entries_(entries) {}
    constexpr explicit TableView(Table<L>& table) : entries_(table.data()) {}

    constexpr operator ConstTableView<L>() const { return ConstTableView<L>(entries_); }

    constexpr Entry<L> get(TableIndex<L> index) const {
        return Entry<L>(load_entry(entries_[index.value()]));
    }

    /// Replaces an entry that is not present; of one that is, use `exchange`.
    constexpr void set(TableIndex<L> index, Entry<L> entry) const {
        store_entry(entries_[index.value()], entry.raw());
    }

    /// Replaces an entry and returns it with the accessed and dirty bits it had at that instant.
    constexpr Entry<L> exchange(TableIndex<L> index, Entry<L> entry) const {
        return Entry<L>(exchange_entry(entries_[index.value()], entry.raw()));
    }

    /// Zeroes an entry and returns it as `exchange` does.
    constexpr Entry<L> clear(TableIndex<L> index) const { return exchange(index, Entry<L>()); }

  private:
    std::uint64_t* entries_;
};

/// A window that shows tables at least to look at: a `TableWindow`, or one to const entries.
template <typename W>
concept ReadableTableWindow = requires(const W& window, Frame4k table) {
    { window(table) } -> std::convertible_to<const std::uint64_t*>;
};

namespace detail {

template <typename View, typename Window, Level L>
constexpr Result<View> descend(const Window& window, Entry<L> entry) {
    switch (entry.kind()) {
        case EntryKind::not_present:
            return Error{.kind = ErrorKind::not_exist, .level = L};
        case EntryKind::leaf:
            return Error{.kind = ErrorKind::unexpected_leaf, .level = L, .phys = *entry.address()};
        case EntryKind::malformed:
            return Error{.kind = ErrorKind::malformed, .level = L};
        case EntryKind::table:
            break;
    }
    const Frame4k table = *entry.next_table();
    const auto entries = window(table);
    if (entries == nullptr) {
        return Error{
            .kind = ErrorKind::not_addressable, .level = View::level, .phys = table.address()};
    }
    return View(entries);
}

}  // namespace detail

/// The table that an entry refers to, to look at and to change.
///
/// Errors: `not_exist`; `unexpected_leaf`, with the page's address; `malformed`; `not_addressable`,
/// with the table's address and level.
template <TableWindow Window, Level L>
requires(can_be_table(L)) constexpr Result<TableView<below(L)>> descend(const Window& window,
                                                                        Entry<L> entry) {
    return detail::descend<TableView<below(L)>>(window, entry);
}

/// The table that an entry refers to, to look at. Errors: as `descend`.
template <ReadableTableWindow Window, Level L>
requires(can_be_table(L)) constexpr Result<ConstTableView<below(L)>> descend_const(
    const Window& window, Entry<L> entry) {
    return detail::descend<ConstTableView<below(L)>>(window, entry);
}

}  // namespace nestbed::paging
