// Stretches over which the host counts what KVM did (channel::StretchMark).
#pragma once

#include "guest/kernel/instructions.hpp"
#include "shared/channel/ports.hpp"

namespace nestbed::guest {

inline void mark_stretch(channel::StretchMark mark) {
    out(channel::port::statistics, static_cast<std::uint32_t>(mark));
}

/// Has the host count over `function()`, and over `empty()`, which does all of it but what is to be
/// counted. Outside of timed regions: it exits four times. On one CPU at a time.
template <typename Function, typename Empty>
void count_over(Function&& function, Empty&& empty) {
    using enum channel::StretchMark;
    mark_stretch(begin_empty);
    empty();
    mark_stretch(end_empty);
    mark_stretch(begin_operation);
    function();
    mark_stretch(end_operation);
}

/// The same, with nothing in the empty stretch.
template <typename Function>
void count_over(Function&& function) {
    count_over(function, [] {});
}

}  // namespace nestbed::guest
