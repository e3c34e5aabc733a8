// Which of the things that could happen next in a simulated machine does happen: all of them, one
// schedule after the other, within a bound; or at random, from a seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace nestbed::model {

/// Makes the choices of one run after the other.
class Schedule {
  public:
    virtual ~Schedule() = default;

    /// One of `count` things, at least 1, of which 0 is the ordinary one.
    virtual std::size_t choose(std::size_t count) = 0;
};

/// Every schedule that departs from the ordinary one at most `bound` times, for a machine that does
/// the same again when it is given the same choices.
class BoundedSchedules : public Schedule {
  public:
    explicit BoundedSchedules(std::size_t bound) : bound_(bound) {}

    std::size_t choose(std::size_t count) override;

    /// Prepares the next run; false if there is none.
    bool next();

    /// The choices of the run, to show it.
    std::vector<std::size_t> choices() const;

  private:
    struct Step {
        std::size_t chosen;
        std::size_t count;
        std::size_t departures_before;
    };
    std::size_t departures() const;

    std::size_t bound_;
    std::vector<Step> steps_;
    std::size_t position_ = 0;
};

/// A schedule that a seed decides. It thinks of leaving the ordinary course once in `one_in`
/// choices.
class RandomSchedule : public Schedule {
  public:
    explicit RandomSchedule(std::uint64_t seed, std::uint64_t one_in = 3)
        : random_(seed), one_in_(one_in) {}

    std::size_t choose(std::size_t count) override {
        return count == 1 || random_() % one_in_ != 0 ? 0 : random_() % count;
    }

  private:
    std::mt19937_64 random_;
    std::uint64_t one_in_;
};

}  // namespace nestbed::model
