// Fully associative caches of keys that replace the one that was used longest ago.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>

#include "shared/paging/level.hpp"

namespace nestbed::vmm {

class LruSet {
  public:
    /// One that holds nothing if `capacity` is 0.
    explicit LruSet(std::size_t capacity) : capacity_(capacity) {}
    LruSet(const LruSet&) = delete;
    LruSet& operator=(const LruSet&) = delete;

    /// Whether the key is in it. If so, it is the last that would be replaced now.
    bool use(std::uint64_t key) {
        const auto found = places_.find(key);
        if (found == places_.end()) {
            return false;
        }
        order_.splice(order_.begin(), order_, found->second);
        return true;
    }

    /// Puts a key in that may be there already.
    void insert(std::uint64_t key) {
        if (capacity_ == 0 || use(key)) {
            return;
        }
        if (order_.size() == capacity_) {
            places_.erase(order_.back());
            order_.pop_back();
        }
        order_.push_front(key);
        places_.emplace(key, order_.begin());
    }

  private:
    std::size_t capacity_;
    std::list<std::uint64_t> order_;  // used last first
    std::unordered_map<std::uint64_t, std::list<std::uint64_t>::iterator> places_;
};

/// A set for each level of tables: of its entries, by the addresses that they translate.
class LruSetsByLevel {
  public:
    LruSetsByLevel(std::size_t pt, std::size_t pd, std::size_t pdpt, std::size_t pml4,
                   std::size_t pml5)
        : sets_{LruSet(pt), LruSet(pd), LruSet(pdpt), LruSet(pml4), LruSet(pml5)} {}

    /// The lowest level whose entry for the address is in its set, which that uses.
    std::optional<paging::Level> use_lowest(std::uint64_t address) {
        for (auto level = paging::Level::pt; level <= paging::Level::pml5;
             level = paging::above(level)) {
            if (set_of(level).use(address >> paging::index_shift_of(level))) {
                return level;
            }
        }
        return std::nullopt;
    }

    void insert(std::uint64_t address, paging::Level level) {
        set_of(level).insert(address >> paging::index_shift_of(level));
    }

  private:
    LruSet& set_of(paging::Level level) { return sets_[static_cast<std::size_t>(level) - 1]; }

    std::array<LruSet, paging::max_levels> sets_;
};

}  // namespace nestbed::vmm
