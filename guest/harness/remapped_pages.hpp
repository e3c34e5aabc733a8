// One initiator's range of pages, remapped again and again between two sets of frames.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "guest/harness/page_table_window.hpp"
#include "guest/harness/shootdown_readers.hpp"
#include "guest/kernel/address_space.hpp"
#include "shared/paging/stale_batch.hpp"

namespace nestbed::guest {

/// Pages of generation 1 to begin with; see shootdown_readers.hpp for what a generation is.
class RemappedPages {
  public:
    static constexpr std::uint64_t max_pages = paging::entries_per_table;
    /// Not 0, which is what a reader that has not read yet has judged last.
    static constexpr std::uint64_t first_generation = 1;

    /// Maps `pages` pages, 1 to `max_pages`, at place number `place` of the space: one range for
    /// each place. Panics without memory.
    RemappedPages(AddressSpace& space, std::uint32_t place, std::uint64_t pages);

    paging::PageRange range() const;

    /// Fills the frames of `generation` with it, and maps the pages to them. What the TLBs have
    /// keeps the old frames in use until `take_frames_back`. By user-mode stores: the space must be
    /// loaded. Returns the cycles that the stores to the table took.
    std::uint64_t remap(std::uint64_t generation);

    /// Has the old translations invalidated. Then the old frames are free, and filled with
    /// `poison`.
    template <paging::Invalidator I>
    void take_frames_back(I&& invalidator) {
        stale_.invalidate(invalidator,
                          [](paging::PhysAddr frame, paging::PageSize) { fill(frame, poison); });
    }

  private:
    paging::Page4k page(std::uint64_t n) const;
    paging::Frame4k frame(std::uint64_t generation, std::uint64_t n) const;
    static void fill(paging::PhysAddr frame, std::uint64_t word);

    AddressSpace& space_;
    paging::Page4k first_page_;
    std::uint64_t pages_;
    std::array<paging::PhysAddr, 2> frames_;
    std::optional<PageTableWindow> table_;
    std::array<std::uint64_t, max_pages> entries_{};
    /// However many pages, they are one range, which the experiment's flush policy is to judge.
    paging::StaleBatch<max_pages> stale_;
};

}  // namespace nestbed::guest
