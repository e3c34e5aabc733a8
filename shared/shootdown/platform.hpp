// What a shootdown protocol needs of the machine that it runs on. A guest gives it over a real
// APIC; a simulated machine on the host can give it as well.
#pragma once

#include <concepts>
#include <cstdint>

#include "../paging/page_range.hpp"
#include "cpu_set.hpp"

namespace nestbed::shootdown {

using paging::PageRange;

/// `Space` is an address space; it outlives every request about it.
template <typename P>
concept Platform = requires(P& platform, typename P::Space& space, const PageRange& range,
                            CpuSet cpus) {
    /// The calling CPU; it stays the same during a call into the protocol.
    { platform.current_cpu() } -> std::same_as<std::uint32_t>;
    /// The CPUs that may hold translations of the space. A CPU is in it from before it loads the
    /// space until after it loaded another.
    { platform.active_cpus(space) } -> std::same_as<CpuSet>;
    /// Interrupts these CPUs so that each calls the protocol's `handle_interrupt` once. What the
    /// caller stored before is visible to them there.
    {platform.send_interrupt(cpus)};
    /// Invalidates the range on the calling CPU, if it holds translations of the space.
    {platform.invalidate(space, range)};
    /// One turn of a waiting loop.
    {platform.pause()};
};

}  // namespace nestbed::shootdown
