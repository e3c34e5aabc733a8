// What a shootdown protocol needs of the machine that it runs on. A guest gives it over a real
// APIC; a simulated machine on the host (tests/model) as well.
#pragma once

#include <concepts>
#include <cstdint>

#include "cpu_set.hpp"
#include "request.hpp"

namespace nestbed::shootdown {

/// What every protocol needs.
///
/// `shoot` is not called from a handler. `Space` is an address space; it outlives every request
/// about it, but that after an early acknowledgement `invalidate` may come to see it too late: so
/// it compares the space with the one that is loaded before it looks into it. `Atomic` is
/// std::atomic, or what stands for it in a simulated machine; protocols share nothing between CPUs
/// by other means, but for plain members that an Atomic hands over.
template <typename P>
concept Platform = requires(P& platform, typename P::Space& space, const Request& request,
                            CpuSet cpus) {
    typename P::template Atomic<std::uint32_t>;
    /// CPUs have numbers below `max_cpus`, those that there are below `cpu_count()`.
    { P::max_cpus } -> std::convertible_to<std::uint32_t>;
    { platform.cpu_count() } -> std::same_as<std::uint32_t>;
    /// The calling CPU; it stays the same during a call into the protocol.
    { platform.current_cpu() } -> std::same_as<std::uint32_t>;
    /// The CPUs that may hold translations of the space. A CPU is in it from before it loads the
    /// space until after it loaded another.
    { platform.active_cpus(space) } -> std::same_as<CpuSet>;
    /// Interrupts these CPUs: each calls the protocol's `handle_interrupt` once for it, interrupts
    /// off, and never otherwise.
    /// What the caller stored before is visible to them there. Two interrupts of which the second
    /// comes before the first was taken may become one.
    {platform.send_interrupt(cpus)};
    /// Invalidates on the calling CPU, if it holds translations of the space.
    {platform.invalidate(space, request)};
    /// A full fence: what was stored before it is visible to all before anything is loaded after.
    {platform.fence()};
    /// One turn of a waiting loop.
    {platform.pause()};
};

}  // namespace nestbed::shootdown
