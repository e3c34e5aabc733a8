// What a shootdown is made of: when each CPU takes which phase, and how long the phases take.
//
//     initiator:  start, flushes, sends, … all have acknowledged
//     target:            entry to the handler, flushes, acknowledges, leaves
//
// A platform takes the times, so that the protocols know nothing of them. It cannot see when an
// acknowledgement is stored: that is between the flush's end and the handler's, or before the flush
// in a protocol that acknowledges early.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "guest/harness/tsc_offset.hpp"
#include "guest/kernel/constant_string.hpp"
#include "guest/kernel/shootdown_platform.hpp"
#include "shared/shootdown/protocol_names.hpp"
#include "shared/stats/histogram.hpp"

namespace nestbed::guest {

/// When one CPU took its phases in one shootdown, by its own TSC; 0: it did not.
struct alignas(64) PhaseTimes {
    std::uint64_t send_began, send_ended;
    std::uint64_t entered, left;  ///< the handler
    std::uint64_t flush_began, flush_ended;
};

extern std::array<PhaseTimes, channel::max_cpus> phase_times;  ///< by CPU

inline PhaseTimes& my_phase_times() { return phase_times[this_cpu_index()]; }

/// A guest's platform that takes the times while `tracing`. Not else: where kernel mode is
/// interpreted, an RDTSC takes as long as on other machines a cache line from another socket.
struct TracedPlatform : GuestPlatform {
    std::atomic<bool> tracing = false;

    void send_interrupt(shootdown::CpuSet targets) const {
        between(&PhaseTimes::send_began, &PhaseTimes::send_ended,
                [&] { GuestPlatform::send_interrupt(targets); });
    }
    void send_nmi(shootdown::CpuSet targets) const {
        between(&PhaseTimes::send_began, &PhaseTimes::send_ended,
                [&] { GuestPlatform::send_nmi(targets); });
    }
    void invalidate(const AddressSpace& space, const shootdown::Request& request) const {
        between(&PhaseTimes::flush_began, &PhaseTimes::flush_ended,
                [&] { GuestPlatform::invalidate(space, request); });
    }
    void invalidate_always(const shootdown::Request& request) const {
        between(&PhaseTimes::flush_began, &PhaseTimes::flush_ended,
                [&] { GuestPlatform::invalidate_always(request); });
    }
    /// Around what a target does for its initiator.
    template <typename Function>
    void in_handler(Function&& handle) const {
        between(&PhaseTimes::entered, &PhaseTimes::left, handle);
    }

  private:
    using Time = std::uint64_t PhaseTimes::*;

    template <typename Function>
    void between(Time begin, Time end, Function&& function) const {
        // Relaxed: it changes before the interrupt and after the handler.
        if (!tracing.load(std::memory_order_relaxed)) {
            function();
            return;
        }
        PhaseTimes& mine = my_phase_times();
        mine.*begin = read_tsc();
        function();
        mine.*end = read_tsc();
    }
};

/// How long each phase took, over many shootdowns.
class PhaseHistograms {
  public:
    /// On CPU 0, with the others idle: finds out how far their counters are apart.
    void measure_tsc_offsets(std::uint32_t cpus);

    /// One shootdown by CPU 0 of CPUs 1 to `cpus`-1, whose times are in `phase_times`: changing the
    /// entries took `store` cycles, and at `end` it saw the last acknowledgement.
    void record(std::uint32_t cpus, std::uint64_t store, std::uint64_t end);

    /// Reports each phase that was ever taken. One-way times only if the counters are known to a
    /// tenth of the least of them.
    void report(shootdown::ProtocolId protocol) const;

  private:
    enum Phase : std::uint8_t {
        table_store,
        initiator_flush,
        send_interrupts,
        wait,
        delivery,
        dispatch,
        target_flush,
        acknowledge,
        handler,
        answer,
        phase_count
    };
    static ConstantString name_of(Phase phase);

    void record_phase(Phase phase, std::uint64_t begin, std::uint64_t end);
    /// `target_time` by the clock of `cpu`, as CPU 0's would show it.
    std::uint64_t by_initiators_clock(std::uint32_t cpu, std::uint64_t target_time) const;
    bool may_report(Phase phase) const;

    std::array<stats::Histogram, phase_count> phases_{};
    std::array<TscOffset, channel::max_cpus> offsets_{};
    std::uint64_t worst_bound_ = 0;
};

}  // namespace nestbed::guest
