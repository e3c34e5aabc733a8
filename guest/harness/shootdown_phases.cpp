#include "guest/harness/shootdown_phases.hpp"

#include "guest/harness/log.hpp"
#include "guest/harness/measure.hpp"

namespace nestbed::guest {

constinit std::array<PhaseTimes, channel::max_cpus> phase_times{};

ConstantString PhaseHistograms::name_of(Phase phase) {
    switch (phase) {
        case table_store:
            return "phase table store";
        case initiator_flush:
            return "phase initiator's flush";
        case send_interrupts:
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
        case phase_count:
            break;
    }
    return "?";
}

void PhaseHistograms::measure_tsc_offsets(std::uint32_t cpus) {
    for (std::uint32_t cpu = 1; cpu < cpus; ++cpu) {
        offsets_[cpu] = measure_tsc_offset(cpu);
        worst_bound_ = offsets_[cpu].bound > worst_bound_ ? offsets_[cpu].bound : worst_bound_;
        GUEST_LOG("the counter of CPU {} is {} cycles ahead, give or take {}", cpu,
                  offsets_[cpu].difference, offsets_[cpu].bound);
    }
}

void PhaseHistograms::record(std::uint32_t cpus, std::uint64_t store, std::uint64_t end) {
    const PhaseTimes& initiator = phase_times[0];
    phases_[table_store].record(store);
    record_phase(initiator_flush, initiator.flush_began, initiator.flush_ended);
    record_phase(send_interrupts, initiator.send_began, initiator.send_ended);
    record_phase(wait, initiator.send_ended, end);
    for (std::uint32_t cpu = 1; cpu < cpus; ++cpu) {
        const PhaseTimes& target = phase_times[cpu];
        record_phase(dispatch, target.entered, target.flush_began);
        record_phase(target_flush, target.flush_began, target.flush_ended);
        record_phase(acknowledge, target.flush_ended, target.left);
        record_phase(handler, target.entered, target.left);
        if (target.entered != 0) {
            record_phase(delivery, initiator.send_began, by_initiators_clock(cpu, target.entered));
        }
        // With more targets the last answer is waited for, whoever it is from. A flush that ends
        // after the answer was seen was acknowledged early: it says nothing of the way.
        const std::uint64_t flushed = by_initiators_clock(cpu, target.flush_ended);
        if (cpus == 2 && target.flush_ended != 0 && flushed < end) {
            record_phase(answer, flushed, end);
        }
    }
}

void PhaseHistograms::record_phase(Phase phase, std::uint64_t begin, std::uint64_t end) {
    if (begin == 0 || end == 0) {
        return;
    }
    // A one-way time shorter than the error of the clocks may come out below 0.
    phases_[phase].record(end > begin ? end - begin : 0);
}

std::uint64_t PhaseHistograms::by_initiators_clock(std::uint32_t cpu,
                                                   std::uint64_t target_time) const {
    return target_time - static_cast<std::uint64_t>(offsets_[cpu].difference);
}

bool PhaseHistograms::may_report(Phase phase) const {
    const bool one_way = phase == delivery || phase == answer;
    return phases_[phase].count() != 0 && (!one_way || worst_bound_ * 10 <= phases_[phase].min());
}

void PhaseHistograms::report(shootdown::ProtocolId protocol) const {
    for (std::uint8_t n = 0; n < phase_count; ++n) {
        const auto phase = static_cast<Phase>(n);
        if (may_report(phase)) {
            report_measurement(name_of(phase), "cycles", phases_[phase],
                               {word("protocol", protocol)}, no_claim);
        } else if (phases_[phase].count() != 0) {
            GUEST_LOG("no one-way times: the counters are known to {} cycles only", worst_bound_);
        }
    }
}

}  // namespace nestbed::guest
