#include "guest/harness/remapped_pages.hpp"

#include <atomic>

#include "guest/harness/places.hpp"
#include "guest/kernel/panic.hpp"

namespace nestbed::guest {

namespace {

constexpr auto flags = paging::Flags(paging::Permission::read | paging::Permission::user);
using Token = paging::StaleTlbEntry<paging::PageSize::size_4k>;
constexpr std::uint64_t page_step = paging::bytes_of(paging::PageSize::size_4k);

paging::PhysAddr large_frame() {
    const auto frame = frames().allocate_zeroed_2m();
    if (!frame) {
        panic("no memory for the experiment's frames");
    }
    return frame->address();
}

}  // namespace

RemappedPages::RemappedPages(AddressSpace& space, std::uint32_t place, std::uint64_t pages)
    : space_(space),
      first_page_(first_page_of(place)),
      pages_(pages),
      frames_{large_frame(), large_frame()},
      stale_(space.id(), max_pages) {
    for (std::uint64_t n = 0; n < pages_; ++n) {
        if (!space_.mapper().map(page(n), frame(first_generation, n), flags)) {
            panic("the experiment's pages cannot be mapped");
        }
        fill(frame(first_generation, n).address(), first_generation);
    }
    table_.emplace(space_, first_page_, window_of(place));
}

paging::PageRange RemappedPages::range() const {
    return paging::PageRange::of(first_page_, pages_);
}

std::uint64_t RemappedPages::remap(std::uint64_t generation) {
    for (std::uint64_t n = 0; n < pages_; ++n) {
        fill(frame(generation, n).address(), generation);
        entries_[n] = paging::Pte::leaf(frame(generation, n), flags).raw();
        if (!stale_.add(Token(space_.id(), page(n), frame(generation - 1, n),
                              paging::Pte(table_->entry(n))))) {
            panic("no room for what the experiment's pages owe");
        }
    }
    return table_->store(entries_, pages_);
}

paging::Page4k RemappedPages::page(std::uint64_t n) const {
    return paging::Page4k::containing(first_page_.address() + n * page_step);
}

paging::Frame4k RemappedPages::frame(std::uint64_t generation, std::uint64_t n) const {
    return *paging::Frame4k::from(frames_[generation % 2] + n * page_step);
}

void RemappedPages::fill(paging::PhysAddr frame, std::uint64_t word) {
    // Relaxed: a reader that could see it in the wrong order is what is looked for.
    std::atomic_ref(*in_direct_map(frame)).store(word, std::memory_order_relaxed);
}

}  // namespace nestbed::guest
