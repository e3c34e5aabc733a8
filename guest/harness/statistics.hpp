// Stretches over which the host counts what KVM did (channel::StretchMark).
#pragma once

#include "guest/kernel/instructions.hpp"
#include "shared/channel/ports.hpp"

namespace nestbed::guest {

inline void mark_stretch(channel::StretchMark mark) {
    out(channel::port::statistics, static_cast<std::uint32_t>(mark));
}

/// Has the host count over `function()`, and over a stretch of nothing. Outside of timed
/// regions: it exits four times. On one CPU at a time.
template <typename Function>
void count_over(Function&& function) {
    using enum channel::StretchMark;
    mark_stretch(begin_empty);
    mark_stretch(end_empty);
    mark_stretch(begin_operation);
    function();
    mark_stretch(end_operation);
}

}  // namespace nestbed::guest
