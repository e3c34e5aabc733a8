// One CPU's pages in a soak: it maps, remaps, protects and unmaps them at random, while all other
// CPUs read and write them and judge what happens.
//
// A page is steady, with certain rights, or changing: from before its entry is stored until the
// shootdown is over. Every frame that is mapped holds in its first word the generation of its
// mapping, which grows; its second word is for others to write. A frame that was taken out of use
// is filled with poison after the shootdown.
//
// What must never be:
//   - an access that a steady page does not allow succeeds: the right was used after it was taken;
//   - one that it allows faults;
//   - a read gives poison, or a generation below that of the last change that was over before;
//   - a frame that was out of use is no longer full of poison: it was written through an old
//     translation.
// A read of an old generation while the page is changing is allowed, and counted.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "guest/harness/page_table_window.hpp"
#include "guest/kernel/address_space.hpp"
#include "shared/paging/page_range.hpp"
#include "shared/stats/random.hpp"

namespace nestbed::guest {

using stats::Random;

enum class Rights : std::uint8_t { none = 0, read = 1, write = 2 };

struct SoakCounts {
    std::uint64_t accesses = 0;
    std::uint64_t faults = 0;  ///< of the accesses, and rightly so
    std::uint64_t stale_reads = 0;
    std::uint64_t violations = 0;
    std::uint64_t maps = 0;
    std::uint64_t remaps = 0;
    std::uint64_t protects = 0;
    std::uint64_t unmaps = 0;

    SoakCounts& operator+=(const SoakCounts& other);
};

class SoakPages {
  public:
    static constexpr std::uint64_t pages = 16;

    /// At place number `place` of the space, all unmapped. Panics without memory.
    SoakPages(AddressSpace& space, std::uint32_t place);

    /// The owner changes some pages: what must be shot down then is returned. Before the next one
    /// `finish_change` must come. The space must be loaded.
    paging::PageRange begin_change(Random& random, SoakCounts& counts);

    /// The shootdown is over.
    void finish_change();

    /// Any CPU: one access in user mode, judged. The space must be loaded.
    void access(Random& random, SoakCounts& counts) const;

  private:
    /// What others may know of a page.
    struct State {
        /// Counts up when a change begins and when it is over, so that it is odd in between; above
        /// the rights, in bits 1:0.
        std::atomic<std::uint64_t> steady{0};
        std::atomic<std::uint64_t> least{0};    ///< no read may give less
        std::atomic<std::uint64_t> changed{0};  ///< stored in the table last
    };

    /// What only the owner knows.
    struct Mapping {
        Rights rights = Rights::none;
        std::uint8_t frame = 0;  ///< of the page's two: the mapped one
        std::uint64_t generation = 0;
    };

    struct Change {
        std::uint64_t first = 0;
        std::uint64_t count = 0;
        std::array<Mapping, pages> before{};
    };

    static constexpr std::uint64_t changing = std::uint64_t{1} << 2;

    void make_table(AddressSpace& space, std::uint32_t place);
    std::uint64_t address(std::uint64_t page) const;
    std::uint64_t* frame(std::uint64_t page, std::uint8_t which) const;
    std::uint64_t entry(std::uint64_t page) const;
    void change(std::uint64_t page, Random& random, SoakCounts& counts);
    void use_frame(std::uint64_t page, std::uint8_t which, SoakCounts& counts);
    void judge_read(std::uint64_t page, std::uint64_t least, std::uint64_t changed,
                    std::uint64_t seen, SoakCounts& counts) const;

    std::uint64_t first_address_;
    std::array<paging::PhysAddr, 2 * pages> frames_{};
    std::optional<PageTableWindow> table_;
    std::array<State, pages> states_{};
    std::array<Mapping, pages> mappings_{};
    Change change_{};
    std::uint64_t generation_ = 0;
};

}  // namespace nestbed::guest
