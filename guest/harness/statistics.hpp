// Regions over which the host counts what KVM did (channel::RegionMark).
#pragma once

#include "guest/kernel/instructions.hpp"
#include "shared/channel/ports.hpp"

namespace nestbed::guest {

inline void mark_region(channel::RegionMark mark) {
    out(channel::port::statistics, static_cast<std::uint32_t>(mark));
}

/// Has the host count over `function()`, and over `empty()`, which does all of it but what is to be
/// counted. Outside of timed regions: it exits four times. On one CPU at a time.
template <typename Function, typename Empty>
void count_over(Function&& function, Empty&& empty) {
    using enum channel::RegionMark;
    mark_region(begin_empty);
    empty();
    mark_region(end_empty);
    mark_region(begin_operation);
    function();
    mark_region(end_operation);
}

/// The same, with nothing in the empty region.
template <typename Function>
void count_over(Function&& function) {
    count_over(function, [] {});
}

}  // namespace nestbed::guest
