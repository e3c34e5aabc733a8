// Pointer chases: chains of loads, each of which must wait for the one before, so that the time of
// a walk through them is the latency of their translations and cache lines and nothing hides it.
//
// The same code runs in a guest's user mode and in a process of the host. It calls nothing and has
// no constants in memory, since a guest's user mode reaches neither.
#pragma once

#include <cstdint>

#include "../paging/page_size.hpp"
#include "../stats/random.hpp"
#include "../study/access_pattern.hpp"

namespace nestbed::chase {

inline constexpr std::uint64_t page_bytes = paging::bytes_of(paging::PageSize::size_4k);
inline constexpr std::uint64_t line_bytes = 64;
inline constexpr std::uint64_t lines_per_page = page_bytes / line_bytes;

/// Nodes, one to a page, each a pointer to the next. Which line of its page a node takes is a hash
/// of the page's number: with the same line in each, all nodes would share a few sets of the
/// caches.
struct Spread {
    std::uint64_t base;   ///< the first page's address
    std::uint64_t pages;  ///< not 0

    [[gnu::always_inline]] constexpr std::uint64_t nodes() const { return pages; }

    [[gnu::always_inline]] constexpr std::uint64_t address_of(std::uint64_t node) const {
        constexpr std::uint64_t golden_ratio = 0x9E37'79B9'7F4A'7C15;
        return base + node * page_bytes + (node * golden_ratio >> 58) * line_bytes;
    }
};

/// As many nodes, but one to each line of as few pages as hold them: the same cache lines in
/// number, hardly any translations.
struct Packed {
    std::uint64_t base;
    std::uint64_t lines;  ///< not 0

    [[gnu::always_inline]] constexpr std::uint64_t nodes() const { return lines; }

    [[gnu::always_inline]] constexpr std::uint64_t address_of(std::uint64_t node) const {
        return base + node * line_bytes;
    }
};

[[gnu::always_inline]] inline std::uint64_t& word_at(std::uint64_t address) {
    return *reinterpret_cast<std::uint64_t*>(address);
}

/// Links node n to node n + 1, and the last of `count` nodes from `first` on to the first.
template <typename Nodes>
[[gnu::always_inline]] inline void link_in_order(const Nodes& nodes, std::uint64_t first,
                                                 std::uint64_t count) {
    for (std::uint64_t n = 0; n < count; ++n) {
        const std::uint64_t next = n + 1 == count ? 0 : n + 1;
        word_at(nodes.address_of(first + n)) = nodes.address_of(first + next);
    }
}

/// Links `count` nodes from `first` on to a random one of all their cycles, by Sattolo's algorithm
/// ("An algorithm to generate a random cyclic permutation", Information Processing Letters 22(6),
/// 1986), in the nodes themselves.
template <typename Nodes>
[[gnu::always_inline]] inline void link_at_random(const Nodes& nodes, std::uint64_t first,
                                                  std::uint64_t count, stats::Random& random) {
    for (std::uint64_t n = 0; n < count; ++n) {
        word_at(nodes.address_of(first + n)) = nodes.address_of(first + n);
    }
    for (std::uint64_t n = count - 1; n > 0; --n) {
        std::uint64_t& one = word_at(nodes.address_of(first + n));
        std::uint64_t& other = word_at(nodes.address_of(first + random.below(n)));
        const std::uint64_t target = one;
        one = other;
        other = target;
    }
}

/// Makes the chain of a working set.
[[gnu::always_inline]] inline void link(const Spread& nodes, study::Pattern pattern,
                                        std::uint64_t seed) {
    if (pattern == study::Pattern::strided) {
        link_in_order(nodes, 0, nodes.nodes());
        return;
    }
    stats::Random random(seed);
    link_at_random(nodes, 0, nodes.nodes(), random);
}

/// Makes the chain that stands beside it: block after block of 16 pages, each in the same pattern.
/// So few pages stay in any first-level TLB, while 1,024 lines in random order are more than a
/// prefetcher sees through.
[[gnu::always_inline]] inline void link(const Packed& nodes, study::Pattern pattern,
                                        std::uint64_t seed) {
    constexpr std::uint64_t block = 16 * lines_per_page;
    stats::Random random(seed);
    const std::uint64_t count = nodes.nodes();
    for (std::uint64_t first = 0; first < count; first += block) {
        const std::uint64_t in_block = count - first < block ? count - first : block;
        if (pattern == study::Pattern::strided) {
            link_in_order(nodes, first, in_block);
        } else {
            link_at_random(nodes, first, in_block, random);
        }
    }
    // The blocks are cycles of their own. To exchange the targets of a node in each of two cycles
    // makes one cycle of both.
    for (std::uint64_t first = block; first < count; first += block) {
        std::uint64_t& before = word_at(nodes.address_of(first - block));
        std::uint64_t& here = word_at(nodes.address_of(first));
        const std::uint64_t target = before;
        before = here;
        here = target;
    }
}

/// Follows the chain for `accesses` loads, which are not 0, and returns where it ends. Per load:
/// the load itself, and a counter beside it that costs no time of its own.
[[gnu::always_inline]] inline std::uint64_t follow(std::uint64_t address, std::uint64_t accesses) {
    asm volatile(
        "1: mov (%0), %0\n\t"
        "dec %1\n\t"
        "jnz 1b"
        : "+r"(address), "+r"(accesses)
        :
        : "cc", "memory");
    return address;
}

/// The time-stamp counter when all loads before are done, and before any after begins: the chain's
/// last loads are still under way when the loop's counter is 0. Intel SDM Vol. 2B "RDTSC". Not for
/// a guest's kernel mode, which is interpreted on some hosts: KVM's emulator has no LFENCE.
[[gnu::always_inline]] inline std::uint64_t ordered_tsc() {
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    asm volatile("lfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high) : : "memory");
    return static_cast<std::uint64_t>(high) << 32 | low;
}

/// How many loads it takes from `start` back to `start`; `limit` if that many do not.
[[gnu::always_inline]] inline std::uint64_t length_of_cycle(std::uint64_t start,
                                                            std::uint64_t limit) {
    std::uint64_t address = word_at(start);
    std::uint64_t length = 1;
    while (address != start && length < limit) {
        address = word_at(address);
        ++length;
    }
    return length;
}

}  // namespace nestbed::chase
