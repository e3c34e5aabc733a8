#include "guest/harness/shootdown_steps.hpp"

#include "guest/harness/log.hpp"
#include "guest/harness/measure.hpp"

namespace nestbed::guest {

constinit std::array<StepTimes, channel::max_cpus> step_times{};

const char* StepHistograms::name_of(Step step) {
    switch (step) {
        case table_store:
            return "phase table store";
        case initiator_flush:
            return "phase initiator's flush";
        case send:
            return "phase send";
        case wait:
            return "phase wait";
        case delivery:
            return "phase delivery, one way";
        case dispatch:
            return "phase target's entry to flush";
        case target_flush:
            return "phase target's flush";
        case acknowledge:
            return "phase target's flush to leave";
        case handler:
            return "phase target's handler";
        case answer:
            return "phase answer, one way";
        case step_count:
            break;
    }
    return "?";
}

void StepHistograms::measure_tsc_offsets(std::uint32_t cpus) {
    for (std::uint32_t cpu = 1; cpu < cpus; ++cpu) {
        offsets_[cpu] = measure_tsc_offset(cpu);
        worst_bound_ = offsets_[cpu].bound > worst_bound_ ? offsets_[cpu].bound : worst_bound_;
        GUEST_LOG("the counter of CPU {} is {} cycles ahead, give or take {}", cpu,
                  offsets_[cpu].difference, offsets_[cpu].bound);
    }
}

void StepHistograms::record(std::uint32_t cpus, std::uint64_t store, std::uint64_t end) {
    const StepTimes& initiator = step_times[0];
    steps_[table_store].record(store);
    record_step(initiator_flush, initiator.flush_began, initiator.flush_ended);
    record_step(send, initiator.send_began, initiator.send_ended);
    record_step(wait, initiator.send_ended, end);
    for (std::uint32_t cpu = 1; cpu < cpus; ++cpu) {
        const StepTimes& target = step_times[cpu];
        record_step(dispatch, target.entered, target.flush_began);
        record_step(target_flush, target.flush_began, target.flush_ended);
        record_step(acknowledge, target.flush_ended, target.left);
        record_step(handler, target.entered, target.left);
        if (target.entered != 0) {
            record_step(delivery, initiator.send_began, by_initiators_clock(cpu, target.entered));
        }
        // With more targets the last answer is waited for, whoever it is from. A flush that ends
        // after the answer was seen was acknowledged early: it says nothing of the way.
        const std::uint64_t flushed = by_initiators_clock(cpu, target.flush_ended);
        if (cpus == 2 && target.flush_ended != 0 && flushed < end) {
            record_step(answer, flushed, end);
        }
    }
}

void StepHistograms::record_step(Step step, std::uint64_t begin, std::uint64_t end) {
    if (begin == 0 || end == 0) {
        return;
    }
    // A one-way time shorter than the error of the clocks may come out below 0.
    steps_[step].record(end > begin ? end - begin : 0);
}

std::uint64_t StepHistograms::by_initiators_clock(std::uint32_t cpu,
                                                  std::uint64_t target_time) const {
    return target_time - static_cast<std::uint64_t>(offsets_[cpu].difference);
}

bool StepHistograms::may_report(Step step) const {
    const bool one_way = step == delivery || step == answer;
    return steps_[step].count() != 0 && (!one_way || worst_bound_ * 10 <= steps_[step].min());
}

void StepHistograms::report(const char* protocol) const {
    for (std::uint8_t n = 0; n < step_count; ++n) {
        const auto step = static_cast<Step>(n);
        if (may_report(step)) {
            report_measurement(name_of(step), "cycles", steps_[step], {word("protocol", protocol)});
        } else if (steps_[step].count() != 0) {
            GUEST_LOG("no one-way times: the counters are known to {} cycles only", worst_bound_);
        }
    }
}

}  // namespace nestbed::guest
