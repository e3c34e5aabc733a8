#pragma once

#include <concepts>
#include <cstdint>
#include <optional>

#include "frame.hpp"
#include "level.hpp"

namespace nestbed::paging {

/// How the caller shows physical memory: from the frame of a table to its 512 entries, or null if
/// that frame is not memory the caller can reach. Where it can never be null, declare the function
/// `[[gnu::returns_nonnull]]` and the check disappears.
template <typename W>
concept TableWindow = requires(const W& window, Frame4k table) {
    { window(table) } -> std::same_as<std::uint64_t*>;
};

/// Where tables come from and go back to.
///
/// Both ways they are all zero: `allocate_zeroed` hands out a frame of 4096 zero bytes, or nothing
/// if there is none, and `free_zeroed` takes back a frame that the library has left zero again. So
/// whoever knows that a frame is zero already saves clearing it, which costs a guest much more than
/// the rest of a mapping.
template <typename S>
concept TableFrameSource = requires(S& source, Frame4k table) {
    { source.allocate_zeroed() } -> std::same_as<std::optional<Frame4k>>;
    { source.free_zeroed(table) } -> std::same_as<void>;
};

}  // namespace nestbed::paging
