#include "bench/library_page_tables.hpp"

#include <utility>

namespace nestbed::bench {

namespace {

constexpr std::uint64_t page_bytes = 4096;

/// Stands for an invalidation.
struct SummingInvalidator {
    std::uint64_t* sum;

    void operator()(const paging::Invalidation& request) const {
        request.for_each_page([this](paging::VirtAddr page) { *sum += page.raw(); });
    }
};

}  // namespace

std::uint64_t map_each(Mapper& mapper, std::uint64_t linear, std::uint64_t physical,
                       std::uint64_t pages, paging::Flags flags) {
    for (std::uint64_t i = 0; i < pages; ++i) {
        const auto page = paging::Page4k::from(paging::VirtAddr(linear + i * page_bytes));
        const auto frame = paging::Frame4k::from(paging::PhysAddr(physical + i * page_bytes));
        if (!page || !frame || !mapper.map(*page, *frame, flags)) {
            return 0;
        }
    }
    return pages;
}

std::uint64_t lookup_each(const Mapper& mapper, std::uint64_t linear, std::uint64_t pages) {
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < pages; ++i) {
        const auto mapping = mapper.lookup(paging::VirtAddr(linear + i * page_bytes));
        if (!mapping) {
            return 0;
        }
        sum += mapping->address.raw() + paging::bytes_of(mapping->size) +
               mapping->flags.to_leaf(paging::PageSize::size_4k);
    }
    return sum;
}

std::uint64_t protect_each(Mapper& mapper, std::uint64_t linear, std::uint64_t pages,
                           paging::Flags flags) {
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < pages; ++i) {
        const auto page = paging::Page4k::from(paging::VirtAddr(linear + i * page_bytes));
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

std::uint64_t unmap_each(Mapper& mapper, std::uint64_t linear, std::uint64_t pages) {
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < pages; ++i) {
        const auto page = paging::Page4k::from(paging::VirtAddr(linear + i * page_bytes));
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

std::uint64_t map_all(Mapper& mapper, std::uint64_t linear, std::uint64_t physical,
                      std::uint64_t pages, paging::Flags flags) {
    const auto first = paging::Page4k::from(paging::VirtAddr(linear));
    const auto frame = paging::Frame4k::from(paging::PhysAddr(physical));
    if (!first || !frame ||
        !mapper.map_range(paging::PageRange::of(*first, pages), *frame, flags)) {
        return 0;
    }
    return pages;
}

}  // namespace nestbed::bench
