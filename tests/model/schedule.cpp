#include "tests/model/schedule.hpp"

#include <stdexcept>

namespace nestbed::model {

std::size_t BoundedSchedules::choose(std::size_t count) {
    if (position_ == steps_.size()) {
        steps_.push_back({0, count, departures()});
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
        const bool may_depart = last.chosen != 0 || last.departures_before < bound_;
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

std::size_t BoundedSchedules::departures() const {
    if (steps_.empty()) {
        return 0;
    }
    const Step& last = steps_.back();
    return last.departures_before + (last.chosen != 0 ? 1 : 0);
}

}  // namespace nestbed::model
