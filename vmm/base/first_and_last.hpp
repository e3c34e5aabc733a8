// Of things of which there may be too many: the first ones, the last ones, and how many were left
// out between them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

namespace nestbed::vmm {

/// How many of each are kept.
struct FirstAndLastCounts {
    std::size_t first;
    std::size_t last;
};

template <typename T>
class FirstAndLast {
  public:
    explicit FirstAndLast(FirstAndLastCounts most) : most_(most) {}

    /// Returns what has to go for it, if anything.
    std::optional<T> add(T thing) {
        if (first_.size() < most_.first) {
            first_.push_back(std::move(thing));
            return std::nullopt;
        }
        last_.push_back(std::move(thing));
        if (last_.size() <= most_.last) {
            return std::nullopt;
        }
        ++left_out_;
        std::optional<T> gone = std::move(last_.front());
        last_.pop_front();
        return gone;
    }

    std::uint64_t left_out() const { return left_out_; }

    /// The first ones, and behind them the last ones. Once only.
    std::vector<T> take() {
        std::move(last_.begin(), last_.end(), std::back_inserter(first_));
        last_.clear();
        return std::move(first_);
    }

  private:
    FirstAndLastCounts most_;
    std::vector<T> first_;
    std::deque<T> last_;
    std::uint64_t left_out_ = 0;
};

}  // namespace nestbed::vmm
