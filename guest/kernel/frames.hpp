// Guest physical memory by the frame, and its direct map.
#pragma once

#include <cstdint>
#include <optional>

#include "shared/channel/layout.hpp"
#include "shared/paging/frame.hpp"
#include "shared/paging/window.hpp"

namespace nestbed::guest {

/// The kernel's view of a physical address.
template <typename T = std::uint64_t>
T* in_direct_map(paging::PhysAddr physical) {
    return reinterpret_cast<T*>(channel::layout::direct_map + physical.raw());
}

/// A paging::TableWindow over the direct map. Never null: a guest only follows its own tables.
struct DirectMapWindow {
    [[gnu::returns_nonnull]] std::uint64_t* operator()(paging::Frame4k table) const {
        return in_direct_map(table.address());
    }
};

/// All free memory. A paging::TableFrameSource. Safe on all CPUs, but not in interrupt handlers.
struct Frames {
    /// 4096 zero bytes.
    std::optional<paging::Frame4k> allocate_zeroed();
    /// Takes back a frame that is all zero.
    void free_zeroed(paging::Frame4k frame);
    /// Takes back a frame with anything in it.
    void free(paging::Frame4k frame);
    /// A 2 MiB frame of zero bytes. It is never taken back.
    std::optional<paging::Frame2m> allocate_zeroed_2m();
};

Frames& frames();

}  // namespace nestbed::guest
