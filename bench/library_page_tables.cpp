#include "bench/library_page_tables.hpp"

#include <utility>

namespace nestbed::bench {

namespace {

paging::Flags flags_of(const c_pages& pages) {
    return paging::Flags::of_leaf(paging::PageSize::size_4k, pages.flags);
}

std::uint64_t end_of(const c_pages& pages) { return pages.linear + pages.count * 4096; }

/// Stands for an invalidation.
struct SummingInvalidator {
    std::uint64_t* sum;

    void operator()(const paging::Invalidation& request) const {
        request.for_each_page([this](paging::VirtAddr page) { *sum += page.raw(); });
    }
};

}  // namespace

std::uint64_t map_each(Mapper& mapper, c_pages pages) {
    const paging::Flags flags = flags_of(pages);
    const std::uint64_t to_physical = pages.physical - pages.linear;
    const std::uint64_t end = end_of(pages);
    for (std::uint64_t linear = pages.linear; linear != end; linear += 4096) {
        const auto page = paging::Page4k::from(paging::VirtAddr(linear));
        const auto frame = paging::Frame4k::from(paging::PhysAddr(linear + to_physical));
        if (!page || !frame || !mapper.map(*page, *frame, flags)) {
            return 0;
        }
    }
    return pages.count;
}

std::uint64_t lookup_each(Mapper& mapper, c_pages pages) {
    std::uint64_t sum = 0;
    const std::uint64_t end = end_of(pages);
    for (std::uint64_t linear = pages.linear; linear != end; linear += 4096) {
        const auto mapping = mapper.lookup(paging::VirtAddr(linear));
        if (!mapping) {
            return 0;
        }
        sum += mapping->address.raw() + paging::bytes_of(mapping->size) +
               mapping->flags.to_leaf(paging::PageSize::size_4k);
    }
    return sum;
}

std::uint64_t protect_each(Mapper& mapper, c_pages pages) {
    const paging::Flags flags = flags_of(pages);
    std::uint64_t sum = 0;
    const std::uint64_t end = end_of(pages);
    for (std::uint64_t linear = pages.linear; linear != end; linear += 4096) {
        const auto page = paging::Page4k::from(paging::VirtAddr(linear));
        if (!page) {
            return 0;
        }
        auto stale = mapper.protect(*page, flags);
        if (!stale) {
            return 0;
        }
        sum += stale->old_entry().raw();
        std::move(*stale).invalidate(SummingInvalidator{&sum});
    }
    return sum;
}

std::uint64_t unmap_each(Mapper& mapper, c_pages pages) {
    std::uint64_t sum = 0;
    const std::uint64_t end = end_of(pages);
    for (std::uint64_t linear = pages.linear; linear != end; linear += 4096) {
        const auto page = paging::Page4k::from(paging::VirtAddr(linear));
        if (!page) {
            return 0;
        }
        auto stale = mapper.unmap(*page);
        if (!stale) {
            return 0;
        }
        sum += stale->old_entry().raw();
        sum += std::move(*stale).invalidate(SummingInvalidator{&sum}).address().raw();
    }
    return sum;
}

std::uint64_t map_all(Mapper& mapper, c_pages pages) {
    const auto first = paging::Page4k::from(paging::VirtAddr(pages.linear));
    const auto frame = paging::Frame4k::from(paging::PhysAddr(pages.physical));
    const bool mapped =
        first && frame &&
        mapper.map_range(paging::PageRange::of(*first, pages.count), *frame, flags_of(pages));
    return mapped ? pages.count : 0;
}

}  // namespace nestbed::bench
