// Shootdowns, measured and proved in the same run: initiators remap a range of pages each, again
// and again, the other CPUs read them (shootdown_readers.hpp), and a protocol stands between them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "guest/harness/bare_round_trip.hpp"
#include "guest/harness/remapped_pages.hpp"
#include "guest/harness/shootdown_phases.hpp"
#include "guest/harness/shootdown_readers.hpp"
#include "guest/harness/statistics.hpp"
#include "guest/harness/study_parameter.hpp"
#include "guest/harness/tick.hpp"
#include "guest/kernel/address_space.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/spinlock.hpp"
#include "guest/kernel/steal_time.hpp"
#include "shared/shootdown/invalidator.hpp"
#include "shared/shootdown/platform.hpp"
#include "shared/stats/histogram.hpp"
#include "shared/study/shootdown_axes.hpp"

namespace nestbed::guest {

using study::InitiatorSpaces;

struct ExperimentSettings {
    std::uint32_t cpus = 2;   ///< the initiators included
    std::uint64_t pages = 1;  ///< 1 to RemappedPages::max_pages
    TargetState target = TargetState::user;
    std::uint64_t samples = 10;
    bool until_violation = false;  ///< no more samples than that
    std::uint32_t initiators = 1;  ///< CPUs 0 to this - 1
    InitiatorSpaces spaces = InitiatorSpaces::same;
    Routing routing = Routing::unicast;
    FlushPolicy flush_policy{};
    bool hypercalls = false;        ///< they are known to come back
    bool bare_round_trips = false;  ///< before each sample, for comparison
    std::uint64_t counted = 0;      ///< shootdowns after the samples that the host counts over
    std::uint64_t traced = 0;       ///< and such of which each step is timed

    static ExperimentSettings of_parameters();
};

/// Parameters: `pages`, `samples`, `target` (a TargetState), `routing` (a Routing), `flush` (a
/// FlushPrimitive), `threshold` (pages), `initiators`, `spaces` (an InitiatorSpaces), `phases` (1:
/// times each step, too), `hypercalls` (1: they come back here).
inline ExperimentSettings ExperimentSettings::of_parameters() {
    constexpr std::uint64_t most_counted = 32;
    const std::uint64_t samples = parameter("samples", 10);
    const std::uint64_t few = samples < most_counted ? samples : most_counted;
    const auto initiators = static_cast<std::uint32_t>(parameter("initiators", 1));
    const bool alone = initiators == 1;
    const ExperimentSettings settings{
        .cpus = cpu_count(),
        .pages = parameter("pages", 1),
        .target = parameter_of("target", TargetState::user),
        .samples = samples,
        .initiators = initiators,
        .spaces = parameter_of("spaces", InitiatorSpaces::same),
        .routing = parameter_of("routing", Routing::unicast),
        .flush_policy = {.primitive = parameter_of("flush", FlushPrimitive::invlpg),
                         .threshold = parameter("threshold", paging::max_single_invalidations)},
        .hypercalls = parameter("hypercalls", 0) != 0,
        .bare_round_trips = alone,
        .counted = alone ? few : 0,
        .traced = alone && parameter("phases", 0) != 0 ? samples : 0,
    };
    GUEST_REQUIRE(settings.pages >= 1);
    GUEST_REQUIRE(settings.pages <= RemappedPages::max_pages);
    GUEST_REQUIRE(settings.initiators >= 1);
    GUEST_REQUIRE(settings.initiators <= max_initiators);
    return settings;
}

struct ExperimentCounts {
    std::uint64_t shootdowns = 0;  ///< of all initiators, warm-up included
    std::uint64_t reads = 0;
    std::uint64_t violations = 0;
    std::uint64_t stale_reads = 0;
    std::uint64_t stolen_from = 0;  ///< samples during which the host kept a vCPU from running
    std::uint64_t empty_pair = 0;   ///< cycles between two RDTSC; subtracted from each sample
};

/// What is measured, in cycles.
struct ExperimentHistograms {
    stats::Histogram shootdown;        ///< from the last changed entry to the last acknowledgement
    stats::Histogram without_steal;    ///< the same, without the samples that were stolen from
    stats::Histogram posted;           ///< the initiator's part, if it may go on before the end
    stats::Histogram bare;             ///< bare round trips
    stats::Histogram bare_with_flush;  ///< the same with the invalidations that a shootdown needs
    PhaseHistograms phases;
};

/// Loads the space on the calling CPU, and tells the protocol, if it wants to know.
template <typename Protocol>
void load_for(Protocol& protocol, AddressSpace& space) {
    space.load([&] {
        if constexpr (requires { protocol.loading(space); }) {
            protocol.loading(space);
        }
    });
}

/// By initiator. Static, and not of each protocol: they are large, one experiment runs in a VM, and
/// where kernel mode is interpreted even clearing them takes a while.
struct InitiatorMemory {
    std::optional<AddressSpace> space;
    std::optional<RemappedPages> pages;
};
inline std::array<InitiatorMemory, max_initiators>& initiator_memory() {
    static constinit std::array<InitiatorMemory, max_initiators> memory{};
    return memory;
}

/// `Protocol` is one of shared/shootdown over a TracedPlatform; its interrupt handlers are set.
template <typename Protocol>
class ShootdownExperiment {
  public:
    /// Shootdowns before the first sample: they touch everything that is cold, and are judged as
    /// all are, but not counted as latencies.
    static constexpr std::uint64_t warm_up = 2;

    ShootdownExperiment(Protocol& protocol, TracedPlatform& platform, const TargetHooks& hooks,
                        const ExperimentSettings& settings, ExperimentHistograms& histograms)
        : protocol_(protocol),
          platform_(platform),
          hooks_(hooks),
          settings_(settings),
          histograms_(histograms),
          start_line_(settings.initiators) {
        platform_.routing = settings.routing;
        platform_.flush_policy = settings.flush_policy;
        platform_.may_yield = settings.hypercalls && hypercall::offers_yield();
        for (std::uint32_t n = 0; n < settings_.initiators; ++n) {
            const bool same = settings_.spaces == InitiatorSpaces::same;
            if (n == 0 || !same) {
                initiators_[n].space.emplace();
            }
            // In disjoint spaces at the same addresses: mixed up spaces would go unnoticed else.
            initiators_[n].pages.emplace(space_of(n), same ? n : 0, settings_.pages);
            announcements[n].first_page = pages_of(n).range().start.raw();
            announcements[n].pages = settings_.pages;
        }
    }

    /// Runs until every initiator has taken its samples.
    ExperimentCounts run() {
        // Before any CPU starts: an initiator does not wait for a reader that reads nothing.
        for (std::uint32_t cpu = 0; cpu < settings_.cpus; ++cpu) {
            const bool disjoint = settings_.spaces == InitiatorSpaces::disjoint;
            readers[cpu].first_range = disjoint ? group_of(cpu) : 0;
            readers[cpu].ranges = disjoint ? 1 : settings_.initiators;
        }
        find_empty_pair();
        if (settings_.traced != 0) {
            histograms_.phases.measure_tsc_offsets(settings_.cpus);
        }
        run_on_cpus(settings_.cpus, [&](std::uint32_t cpu) { take_part(cpu); });
        return counts();
    }

  private:
    static constexpr BareRoundTrip bare_kind = requires(Protocol & protocol) { protocol.poll(); }
    ? BareRoundTrip::cache_line : BareRoundTrip::interrupt;
    static constexpr bool can_be_posted = requires(Protocol & protocol, AddressSpace& space) {
        protocol.passed(protocol.post(space, shootdown::Request{}));
    };

    /// The initiator whose pages a CPU reads, if the spaces are disjoint.
    std::uint32_t group_of(std::uint32_t cpu) const {
        std::uint32_t group = cpu;
        while (group >= settings_.initiators) {
            group -= settings_.initiators;
        }
        return group;
    }

    AddressSpace& space_of(std::uint32_t cpu) {
        const bool disjoint = settings_.spaces == InitiatorSpaces::disjoint;
        return *initiators_[disjoint ? group_of(cpu) : 0].space;
    }

    RemappedPages& pages_of(std::uint32_t initiator) { return *initiators_[initiator].pages; }

    void take_part(std::uint32_t cpu) {
        steal_time::enable();
        load_for(protocol_, space_of(cpu));
        const TicksWhileInScope<Protocol> ticks;
        if (cpu < settings_.initiators) {
            initiate(cpu);
        } else {
            read_until_stopped(settings_.target, hooks_);
        }
        AddressSpace::unload();
    }

    void initiate(std::uint32_t cpu) {
        complete(cpu, RemappedPages::first_generation);
        std::uint64_t generation = RemappedPages::first_generation;
        for (std::uint64_t n = 0; n < warm_up; ++n) {
            round(cpu, ++generation, shootdown_by(cpu));
        }
        for (std::uint64_t n = 0; n < settings_.samples && !is_over(); ++n) {
            if (settings_.bare_round_trips) {
                compare_with_bare_round_trips(cpu);
                // Gives the targets back the translations that the flush took: readers that read
                // only to judge would have none for the sample to shoot down.
                round(cpu, ++generation, shootdown_by(cpu));
            }
            round(cpu, ++generation, [&](const paging::Invalidation& owed) {
                take_sample(cpu, shootdown::request_of(owed));
            });
        }
        for (std::uint64_t n = 0; n < settings_.counted; ++n) {
            round(cpu, ++generation, [&](const paging::Invalidation& owed) {
                const shootdown::Request request = shootdown::request_of(owed);
                // The shootdown alone, as in a sample.
                count_over([&] { protocol_.shoot(space_of(cpu), request); });
            });
        }
        for (std::uint64_t n = 0; n < settings_.traced; ++n) {
            trace(cpu, ++generation);
        }
        start_line_.meet(hooks_.poll);
        if (cpu == 0) {
            stop_readers(settings_.initiators, settings_.cpus);
        }
        // A protocol without interrupts needs this CPU for others' shootdowns until here; they are
        // over.
    }

    /// Asked by one initiator alone: several go on together.
    bool is_over() const { return settings_.until_violation && counts().violations != 0; }

    /// One generation: remap, shoot, take the frames back, have the readers judge. Returns the
    /// cycles that the stores to the page table took.
    template <paging::Invalidator I>
    std::uint64_t round(std::uint32_t cpu, std::uint64_t generation, I&& invalidator) {
        RemappedPages& pages = pages_of(cpu);
        const std::uint64_t store = pages.remap(generation);
        // Release: whoever reads it finds the entries changed.
        announcements[cpu].changed.store(generation, std::memory_order_release);
        start_line_.meet(hooks_.poll);
        pages.take_frames_back(invalidator);
        shootdowns_.fetch_add(1, std::memory_order_relaxed);
        complete(cpu, generation);
        return store;
    }

    void complete(std::uint32_t cpu, std::uint64_t generation) {
        // Release: whoever reads it reads pages after the shootdown and after the poison.
        announcements[cpu].completed.store(generation, std::memory_order_release);
        if (settings_.initiators > 1) {
            // Initiators are targets too: they judge the others' pages, and have them in their TLB
            // for the next time. All shootdowns are over by then, and no frame is used again before
            // all have looked.
            start_line_.meet(hooks_.poll);
            read_once();
            start_line_.meet(hooks_.poll);
        }
        wait_for({cpu, generation, settings_.initiators, settings_.cpus}, settings_.target, hooks_);
    }

    auto shootdown_by(std::uint32_t cpu) {
        return shootdown::ShootdownInvalidator(protocol_, space_of(cpu));
    }

    void take_sample(std::uint32_t cpu, const shootdown::Request& request) {
        const std::uint64_t stolen = stolen_from_all();
        AddressSpace& space = space_of(cpu);
        std::uint64_t posted = 0;
        const std::uint64_t start = read_tsc();
        if constexpr (can_be_posted) {
            const auto ticket = protocol_.post(space, request);
            posted = read_tsc();
            while (!protocol_.passed(ticket)) {
                hooks_.poll();
                pause();
            }
        } else {
            protocol_.shoot(space, request);
        }
        const std::uint64_t end = read_tsc();
        record(start, posted, end, stolen_from_all() != stolen);
    }

    void record(std::uint64_t start, std::uint64_t posted, std::uint64_t end, bool stolen_from) {
        const SpinlockGuard guard(record_lock_);
        const std::uint64_t cycles = without_empty_pair(end - start);
        histograms_.shootdown.record(cycles);
        if (posted != 0) {
            histograms_.posted.record(without_empty_pair(posted - start));
        }
        if (stolen_from) {
            ++counts_.stolen_from;
        } else {
            histograms_.without_steal.record(cycles);
        }
    }

    std::uint64_t without_empty_pair(std::uint64_t cycles) const {
        return cycles > counts_.empty_pair ? cycles - counts_.empty_pair : 0;
    }

    std::uint64_t stolen_from_all() const {
        std::uint64_t sum = 0;
        for (std::uint32_t cpu = 0; cpu < settings_.cpus; ++cpu) {
            sum += steal_time::stolen(cpu);
        }
        return sum;
    }

    void compare_with_bare_round_trips(std::uint32_t cpu) {
        if (cpu == 0) {
            const BareFlush flush{pages_of(cpu).range(), settings_.flush_policy};
            histograms_.bare.record(time_bare_round_trip(nullptr));
            histograms_.bare_with_flush.record(time_bare_round_trip(&flush));
        }
    }

    std::uint64_t time_bare_round_trip(const BareFlush* flush) const {
        const std::uint64_t cycles = bare_round_trip(bare_kind, settings_.routing,
                                                     settings_.initiators, settings_.cpus, flush);
        let_targets_settle(settings_.target, hooks_);
        return without_empty_pair(cycles);
    }

    void trace(std::uint32_t cpu, std::uint64_t generation) {
        phase_times = {};
        platform_.tracing = true;
        std::uint64_t end = 0;
        const std::uint64_t store = round(cpu, generation, [&](const paging::Invalidation& owed) {
            shootdown_by(cpu)(owed);
            end = read_tsc();
        });
        // Only now: a target may flush, and leaves its handler, after its acknowledgement.
        platform_.tracing = false;
        histograms_.phases.record(settings_.cpus, store, end);
    }

    /// The least of many: what two RDTSC take when nothing comes between.
    void find_empty_pair() {
        counts_.empty_pair = ~std::uint64_t{0};
        for (int n = 0; n < 100; ++n) {
            const std::uint64_t start = read_tsc();
            const std::uint64_t cycles = read_tsc() - start;
            counts_.empty_pair = cycles < counts_.empty_pair ? cycles : counts_.empty_pair;
        }
    }

    ExperimentCounts counts() const {
        constexpr auto relaxed = std::memory_order_relaxed;
        ExperimentCounts result = counts_;
        result.shootdowns = shootdowns_.load(relaxed);
        for (std::uint32_t cpu = 0; cpu < settings_.cpus; ++cpu) {
            result.reads += readers[cpu].reads.load(relaxed);
            result.violations += readers[cpu].violations.load(relaxed);
            result.stale_reads += readers[cpu].stale_reads.load(relaxed);
        }
        return result;
    }

    Protocol& protocol_;
    TracedPlatform& platform_;
    TargetHooks hooks_;
    ExperimentSettings settings_;
    ExperimentHistograms& histograms_;
    std::array<InitiatorMemory, max_initiators>& initiators_ = initiator_memory();
    Rendezvous start_line_;
    Spinlock record_lock_;
    ExperimentCounts counts_{};  ///< guarded by record_lock_
    std::atomic<std::uint64_t> shootdowns_{0};
};

}  // namespace nestbed::guest
