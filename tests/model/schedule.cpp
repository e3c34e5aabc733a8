#include "tests/model/schedule.hpp"

#include <stdexcept>

namespace nestbed::model {

std::size_t BoundedSchedules::choose(std::size_t count) {
    if (position_ == steps_.size()) {
        steps_.push_back({0, count});
    }
    const Step& step = steps_[position_++];
    if (step.count != count) {
        throw std::logic_error("a run was not the same again under the same choices");
    }
    return step.chosen;
}

bool BoundedSchedules::next() {
    steps_.resize(position_);
    position_ = 0;
    while (!steps_.empty()) {
        Step& last = steps_.back();
        const bool may_depart = last.chosen != 0 || departures_before(steps_.size() - 1) < bound_;
        if (may_depart && last.chosen + 1 < last.count) {
            ++last.chosen;
            return true;
        }
        steps_.pop_back();
    }
    return false;
}

std::vector<std::size_t> BoundedSchedules::choices() const {
    std::vector<std::size_t> all;
    for (const Step& step : steps_) {
        all.push_back(step.chosen);
    }
    return all;
}

std::size_t BoundedSchedules::departures_before(std::size_t step) const {
    std::size_t departures = 0;
    for (std::size_t i = 0; i < step; ++i) {
        departures += steps_[i].chosen != 0 ? 1 : 0;
    }
    return departures;
}

}  // namespace nestbed::model
