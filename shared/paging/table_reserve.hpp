#pragma once

#include <cstdint>
#include <optional>

#include "frame.hpp"
#include "result.hpp"
#include "window.hpp"

namespace nestbed::paging {

/// Table frames allocated ahead, so that a change of many tables cannot run out of them halfway.
///
/// It needs no memory of its own: each frame's first entry holds the address of the next frame. No
/// processor reaches these frames, and each is zero again when it is taken.
template <TableWindow Window, TableFrameSource Source>
class TableReserve {
  public:
    constexpr TableReserve(const Window& window, Source& source)
        : window_(window), source_(source) {}
    /// The window is kept by reference.
    TableReserve(const Window&&, Source&) = delete;
    TableReserve(const TableReserve&) = delete;
    TableReserve& operator=(const TableReserve&) = delete;
    constexpr ~TableReserve() {
        while (next_ != 0) {
            source_.free_zeroed(take());
        }
    }

    /// Allocates this many more, for a change at `address`. Errors: `out_of_frames`,
    /// `not_addressable`.
    constexpr Result<void> fill(std::uint64_t count, VirtAddr address) {
        for (; count != 0; --count) {
            const std::optional<Frame4k> table = source_.allocate_zeroed();
            if (!table) {
                return Error{.kind = ErrorKind::out_of_frames, .virt = address};
            }
            std::uint64_t* entries = window_(*table);
            if (entries == nullptr) {
                source_.free_zeroed(*table);
                return Error{
                    .kind = ErrorKind::not_addressable, .virt = address, .phys = table->address()};
            }
            // Frames are aligned, so bit 0 can tell a link to frame 0 from no link.
            entries[0] = next_;
            next_ = table->address().raw() | 1;
        }
        return {};
    }

    /// One of them, all zero. There must be one.
    constexpr Frame4k take() {
        const Frame4k table = *Frame4k::containing(PhysAddr(next_));
        std::uint64_t* entries = window_(table);
        next_ = entries[0];
        entries[0] = 0;
        return table;
    }

  private:
    const Window& window_;
    Source& source_;
    std::uint64_t next_ = 0;
};

}  // namespace nestbed::paging
