// What a shootdown protocol needs of the machine that it runs on. A guest gives it over a real
// APIC; a simulated machine on the host can give it as well.
#pragma once

#include <concepts>
#include <cstdint>

#include "../paging/address.hpp"
#include "../paging/page.hpp"
#include "../paging/page_size.hpp"
#include "cpu_set.hpp"

namespace nestbed::shootdown {

/// Consecutive pages of one size.
struct PageRange {
    paging::VirtAddr start{};
    std::uint64_t pages = 0;
    paging::PageSize size = paging::PageSize::size_4k;

    template <paging::PageSize page_size>
    static constexpr PageRange of(paging::Page<page_size> page, std::uint64_t count = 1) {
        return {page.address(), count, page_size};
    }

    /// Calls `function(address)` with each page's first byte.
    template <typename Function>
    constexpr void for_each(Function&& function) const {
        for (std::uint64_t n = 0; n < pages; ++n) {
            function(start + n * paging::bytes_of(size));
        }
    }
};

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
