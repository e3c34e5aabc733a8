// A fully associative cache of keys that replaces the one that was used longest ago.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <unordered_map>

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

}  // namespace nestbed::vmm
