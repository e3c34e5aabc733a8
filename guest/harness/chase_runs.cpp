#include "guest/harness/chase_runs.hpp"

#include <algorithm>
#include <array>

#include "guest/kernel/smp.hpp"
#include "guest/kernel/user.hpp"
#include "shared/channel/abi.hpp"
#include "shared/channel/layout.hpp"

namespace nestbed::guest {

namespace {

/// Samples of one visit to user mode.
constexpr std::uint64_t batch = 64;

/// What user mode is told.
struct Job {
    std::uint64_t pages;
    study::Pattern pattern;
    std::uint64_t seed;
    std::uint64_t accesses;
};
GUEST_USER_DATA constinit Job job{};

/// What a CPU's chase has of its own.
struct alignas(64) Place {
    std::uint64_t address;  ///< the node that it has come to
    std::array<std::uint64_t, batch> cycles;
};
GUEST_USER_DATA constinit std::array<Place, channel::max_cpus> places{};

constexpr std::uint64_t base = channel::layout::test_memory;

GUEST_USER std::uint64_t link_spread(std::uint64_t, std::uint64_t) {
    const chase::Spread nodes{base, job.pages};
    chase::link(nodes, job.pattern, job.seed);
    return chase::length_of_cycle(nodes.address_of(0), job.pages + 1);
}

GUEST_USER std::uint64_t link_packed(std::uint64_t, std::uint64_t) {
    const chase::Packed nodes{base, job.pages};
    chase::link(nodes, job.pattern, job.seed);
    return chase::length_of_cycle(nodes.address_of(0), job.pages + 1);
}

GUEST_USER std::uint64_t take_samples(std::uint64_t cpu, std::uint64_t count) {
    Place& place = places[cpu];
    for (std::uint64_t n = 0; n < count; ++n) {
        const std::uint64_t start = chase::ordered_tsc();
        place.address = chase::follow(place.address, job.accesses);
        place.cycles[n] = chase::ordered_tsc() - start;
    }
    return 0;
}

/// The CPUs set out from nodes that are equally far apart in memory.
template <typename Nodes>
void set_out(const Nodes& nodes, std::uint32_t cpus) {
    for (std::uint32_t cpu = 0; cpu < cpus; ++cpu) {
        places[cpu].address = nodes.address_of(nodes.nodes() * cpu / cpus);
    }
}

void tell(const ChaseSettings& settings) {
    job = {settings.pages, settings.pattern, settings.seed, settings.accesses};
}

void record_samples(std::uint32_t cpu, std::uint64_t samples, stats::Histogram& cycles) {
    for (std::uint64_t left = samples; left != 0;) {
        const std::uint64_t now = std::min(left, batch);
        static_cast<void>(run_user(take_samples, cpu, now).value());
        for (std::uint64_t n = 0; n < now; ++n) {
            cycles.record(places[cpu].cycles[n]);
        }
        left -= now;
    }
}

}  // namespace

std::uint64_t prepare_spread_chase(const ChaseSettings& settings) {
    tell(settings);
    const std::uint64_t loads = run_user(link_spread).value();
    set_out(chase::Spread{base, settings.pages}, settings.cpus);
    return loads;
}

std::uint64_t prepare_packed_chase(const ChaseSettings& settings) {
    tell(settings);
    const std::uint64_t loads = run_user(link_packed).value();
    set_out(chase::Packed{base, settings.pages}, settings.cpus);
    return loads;
}

void run_chase(const ChaseSettings& settings, stats::Histogram& cycles) {
    static constinit std::array<stats::Histogram, channel::max_cpus> of_cpus{};
    Rendezvous start(settings.cpus);
    run_on_cpus(settings.cpus, [&](std::uint32_t cpu) {
        of_cpus[cpu] = {};
        start.meet();
        record_samples(cpu, settings.samples, of_cpus[cpu]);
    });
    for (std::uint32_t cpu = 0; cpu < settings.cpus; ++cpu) {
        cycles.merge(of_cpus[cpu]);
    }
}

void chase_on(const ChaseSettings& settings, std::uint64_t samples) {
    tell(settings);
    static_cast<void>(run_user(take_samples, this_cpu_index(), samples).value());
}

}  // namespace nestbed::guest
