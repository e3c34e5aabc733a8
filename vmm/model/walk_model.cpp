#include "vmm/model/walk_model.hpp"

#include <numeric>

namespace nestbed::vmm {

namespace {

using paging::Level;
using paging::PageSize;

constexpr std::array sizes{PageSize::size_4k, PageSize::size_2m, PageSize::size_1g};

std::uint64_t sum(const CountsByLevel& counts) {
    return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

}  // namespace

std::uint64_t WalkCounts::guest_references() const { return sum(guest); }
std::uint64_t WalkCounts::second_stage_references() const { return sum(second_stage); }

PagingStructures::PagingStructures(const PagingStructureCaches& entries)
    : caches_{LruSet(entries.pde), LruSet(entries.pdpte), LruSet(entries.pml4e),
              LruSet(entries.pml5e)} {}

LruSet& PagingStructures::level(Level level) {
    return caches_[static_cast<std::size_t>(level) - static_cast<std::size_t>(Level::pd)];
}

Level PagingStructures::first_level_read(std::uint64_t address, Level root) {
    for (Level at = Level::pd; at <= root; at = paging::above(at)) {
        if (level(at).use(address >> paging::index_shift_of(at))) {
            return paging::below(at);
        }
    }
    return root;
}

void PagingStructures::remember(std::uint64_t address, Level root, Level leaf) {
    for (Level at = root; at > leaf; at = paging::below(at)) {
        level(at).insert(address >> paging::index_shift_of(at));
    }
}

Tlb::Tlb(const TranslationCaches& caches)
    : parts_{LruSet(caches.tlb_4k), LruSet(caches.tlb_2m), LruSet(caches.tlb_1g)} {}

bool Tlb::use(std::uint64_t linear) {
    for (std::size_t n = 0; n < sizes.size(); ++n) {
        if (parts_[n].use(linear >> paging::shift_of(sizes[n]))) {
            return true;
        }
    }
    return false;
}

void Tlb::insert(std::uint64_t linear, PageSize size) {
    for (std::size_t n = 0; n < sizes.size(); ++n) {
        if (sizes[n] == size) {
            parts_[n].insert(linear >> paging::shift_of(size));
        }
    }
}

}  // namespace nestbed::vmm
