// Tables in an array for tests: physical memory, window and frame source in one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "shared/paging/mapper.hpp"
#include "shared/paging/table.hpp"
#include "shared/paging/walk.hpp"

namespace nestbed::paging::test {

/// Physical memory made of `Count` tables from `base` on, and the frame source over it. Works
/// during constant evaluation too. Frame 0 is kept for the root.
template <std::size_t Count>
class TablePool {
  public:
    static constexpr std::uint64_t base = 0x10'0000;

    static constexpr Frame4k frame(std::size_t number) {
        return *Frame4k::from(PhysAddr(base + number * 4096));
    }
    static constexpr Frame4k root() { return frame(0); }

    constexpr std::optional<Frame4k> allocate_zeroed() {
        if (available_ == 0) {
            return std::nullopt;
        }
        for (std::size_t i = 1; i < Count; ++i) {
            if (!used_[i]) {
                used_[i] = true;
                --available_;
                return frame(i);
            }
        }
        return std::nullopt;
    }

    constexpr void free_zeroed(Frame4k table) {
        const std::size_t number = index(table);
        for (std::size_t i = 0; i < entries_per_table; ++i) {
            gave_back_dirty_ = gave_back_dirty_ || entries(table)[i] != 0;
        }
        used_[number] = false;
        ++available_;
    }

    /// How many more tables may be handed out; at most all are by default.
    constexpr void limit(std::size_t available) { available_ = available; }

    constexpr std::size_t used() const {
        std::size_t total = 0;
        for (std::size_t i = 1; i < Count; ++i) {
            total += used_[i] ? 1 : 0;
        }
        return total;
    }
    /// Whether a table ever came back that was not all zero.
    constexpr bool gave_back_dirty() const { return gave_back_dirty_; }

    /// The entries of a table; null outside the pool.
    constexpr std::uint64_t* entries(Frame4k table) {
        return table < root() || index(table) >= Count ? nullptr : tables_[index(table)].data();
    }

    /// Shows the pool to a mapper or a walk.
    struct Window {
        TablePool* pool;
        constexpr std::uint64_t* operator()(Frame4k table) const { return pool->entries(table); }
    };
    constexpr Window window() { return {this}; }
    constexpr WindowReader<Window> reader() { return WindowReader<Window>(window()); }

    constexpr auto mapper(MapperSettings settings = {.root = root()}) {
        return Mapper<Window, TablePool>(settings, window(), *this);
    }

  private:
    static constexpr std::size_t index(Frame4k table) {
        return static_cast<std::size_t>(table.number() - root().number());
    }

    Table<Level::pt> tables_[Count];
    bool used_[Count] = {};
    std::size_t available_ = Count - 1;
    bool gave_back_dirty_ = false;
};

/// An invalidator for tables that no processor has loaded; it remembers what it was asked for.
struct RecordingInvalidator {
    int calls = 0;
    int whole_space_calls = 0;
    int ranges = 0;  ///< of the last call
    bool frees_tables = false;
    std::optional<AddressSpaceId> space{};
    std::optional<VirtAddr> address{};
    std::optional<PageRange> range{};

    constexpr void operator()(const Invalidation& request) {
        space = request.space();
        frees_tables = request.frees_tables();
        if (request.everything()) {
            ++whole_space_calls;
            return;
        }
        ++calls;
        ranges = 0;
        for (const PageRange& pages : request) {
            address = pages.start;
            range = pages;
            ++ranges;
        }
    }
};

inline constexpr Permission read = Permission::read;
inline constexpr Permission write = Permission::write;
inline constexpr Permission user = Permission::user;
inline constexpr Permission execute = Permission::execute;

}  // namespace nestbed::paging::test
