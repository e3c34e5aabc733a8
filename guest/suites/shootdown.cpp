// TLB shootdown: each protocol correct, in the situations that there are; and protocols that are
// wrong on purpose, to show that the check would see it.

#include <atomic>
#include <utility>

#include "guest/harness/shootdown_protocol.hpp"
#include "guest/harness/soak.hpp"
#include "guest/harness/staleness.hpp"
#include "guest/harness/test.hpp"

namespace nestbed::guest {
namespace {

using shootdown::GlobalShootdown;
using shootdown::ProtocolId;

void expect_correct_shootdowns(const ExperimentSettings& settings,
                               ProtocolId protocol = ProtocolId::global) {
    static ExperimentHistograms histograms;
    const ExperimentCounts counts = run_shootdowns(protocol, settings, histograms);
    GUEST_EXPECT_EQ(counts.violations, 0U);
    GUEST_EXPECT_GT(counts.shootdowns, settings.samples * settings.initiators);
    GUEST_EXPECT_EQ(histograms.shootdown.count(), settings.samples * settings.initiators);
    GUEST_EXPECT_GT(counts.reads, 0U);
    GUEST_LOG("{} reads, {} of them stale before completion", counts.reads, counts.stale_reads);
}

GUEST_TEST(shootdown, targets_in_user_mode, {.cpus = 2}) {
    expect_correct_shootdowns({.cpus = cpu_count(), .target = TargetState::user, .samples = 50});
}

GUEST_TEST(shootdown, targets_spinning_in_the_kernel, {.cpus = 2}) {
    expect_correct_shootdowns({.cpus = cpu_count(), .target = TargetState::spin, .samples = 20});
}

GUEST_TEST(shootdown, targets_asleep, {.cpus = 2}) {
    expect_correct_shootdowns({.cpus = cpu_count(), .target = TargetState::hlt, .samples = 50});
}

GUEST_TEST(shootdown, more_targets_than_most_hosts_have_cores, {.cpus = 8}) {
    expect_correct_shootdowns({.cpus = cpu_count(), .target = TargetState::user, .samples = 5});
}

GUEST_TEST(shootdown, a_range_of_pages, {.cpus = 2}) {
    expect_correct_shootdowns(
        {.cpus = cpu_count(), .pages = 16, .target = TargetState::user, .samples = 10});
}

GUEST_TEST(shootdown, more_pages_than_the_threshold, {.cpus = 2}) {
    expect_correct_shootdowns({.cpus = cpu_count(),
                               .pages = paging::max_single_invalidations + 1,
                               .target = TargetState::user,
                               .samples = 5});
}

GUEST_TEST(shootdown, targets_with_interrupts_off, {.cpus = 2}) {
    expect_correct_shootdowns(
        {.cpus = cpu_count(), .target = TargetState::irqs_off, .samples = 20});
}

GUEST_TEST(shootdown, targets_waiting_lazily, {.cpus = 2}) {
    expect_correct_shootdowns({.cpus = cpu_count(), .target = TargetState::lazy, .samples = 20},
                              ProtocolId::generation);
}

GUEST_TEST(shootdown, nmi_targets_with_interrupts_off, {.cpus = 2}) {
    expect_correct_shootdowns({.cpus = cpu_count(), .target = TargetState::irqs_off, .samples = 20},
                              ProtocolId::nmi);
}

// An NMI at the very HLT of a sleeping target must not cost it the wake-up that comes after it.
GUEST_TEST(shootdown, nmi_targets_asleep, {.cpus = 2}) {
    expect_correct_shootdowns({.cpus = cpu_count(), .target = TargetState::hlt, .samples = 50},
                              ProtocolId::nmi);
}

GUEST_TEST(shootdown, by_cluster, {.cpus = 4}) {
    expect_correct_shootdowns({.cpus = cpu_count(), .samples = 5, .routing = Routing::cluster});
}

GUEST_TEST(shootdown, by_two_clusters, {.cpus = 18}) {
    expect_correct_shootdowns({.cpus = cpu_count(), .samples = 2, .routing = Routing::cluster});
}

GUEST_TEST(shootdown, by_the_shorthand, {.cpus = 4}) {
    expect_correct_shootdowns(
        {.cpus = cpu_count(), .samples = 5, .routing = Routing::all_but_self});
}

// Every protocol: with one target; with many; with initiators that are each other's targets; with
// initiators of spaces of their own, at the same addresses; and in a short soak.

/// Targets read in user mode, if the protocol reaches them there.
TargetState easiest_target(ProtocolId protocol) {
    return protocol == ProtocolId::polled ? TargetState::spin : TargetState::user;
}

void expect_correct_with_initiators(ProtocolId protocol, std::uint32_t initiators,
                                    InitiatorSpaces spaces) {
    expect_correct_shootdowns({.cpus = cpu_count(),
                               .pages = 2,
                               .target = easiest_target(protocol),
                               .samples = 5,
                               .initiators = initiators,
                               .spaces = spaces},
                              protocol);
}

/// Long enough for each of a dozen runs without any invalidation to be caught where kernel mode is
/// interpreted.
constexpr std::uint64_t soak_milliseconds = 1000;
constexpr std::uint64_t patient_soak_milliseconds = 60'000;

template <template <typename> typename Protocol, typename Platform = TracedPlatform>
SoakCounts soak(Patience patience = Patience::a_moment) {
    static stats::Histogram shootdowns;
    GUEST_REQUIRE(boot_info().tsc_khz != 0);
    const bool patient = patience == Patience::until_seen;
    const std::uint64_t milliseconds = patient ? patient_soak_milliseconds : soak_milliseconds;
    const SoakCounts counts =
        run_soak<Protocol, Platform>({.cpus = cpu_count(),
                                      .cycles = milliseconds * boot_info().tsc_khz,
                                      .until_violation = patient},
                                     shootdowns);
    GUEST_LOG("{} shootdowns, {} accesses, {} violations", shootdowns.count(), counts.accesses,
              counts.violations);
    return counts;
}

void expect_correct_soak(ProtocolId protocol) {
    const SoakCounts counts = shootdown::with_protocol(
        protocol, []<template <typename> typename Protocol>() { return soak<Protocol>(); });
    GUEST_EXPECT_EQ(counts.violations, 0U);
    GUEST_EXPECT_GT(counts.accesses, 0U);
}

#define PROTOCOL_TESTS(protocol, name, type, explanation)                                   \
    GUEST_TEST(shootdown, protocol##_one_target, {.cpus = 2}) {                             \
        expect_correct_with_initiators(ProtocolId::protocol, 1, InitiatorSpaces::same);     \
    }                                                                                       \
    GUEST_TEST(shootdown, protocol##_many_targets, {.cpus = 8}) {                           \
        expect_correct_with_initiators(ProtocolId::protocol, 1, InitiatorSpaces::same);     \
    }                                                                                       \
    GUEST_TEST(shootdown, protocol##_initiators_of_one_space, {.cpus = 4}) {                \
        expect_correct_with_initiators(ProtocolId::protocol, 3, InitiatorSpaces::same);     \
    }                                                                                       \
    GUEST_TEST(shootdown, protocol##_initiators_of_two_spaces, {.cpus = 4}) {               \
        expect_correct_with_initiators(ProtocolId::protocol, 2, InitiatorSpaces::disjoint); \
    }                                                                                       \
    GUEST_TEST(shootdown, protocol##_soak, {.cpus = 2, .tags = "slow"}) {                   \
        expect_correct_soak(ProtocolId::protocol);                                          \
    }

NESTBED_SHOOTDOWN_PROTOCOLS(PROTOCOL_TESTS)

/// A tick of it takes longer than there is between two.
struct SlowTicks {
    void tick() {
        const std::uint64_t now = rounds.load(std::memory_order_relaxed);
        if (now == std::exchange(rounds_before, now)) {
            fruitless.fetch_add(1, std::memory_order_relaxed);
        }
        const std::uint64_t cycles = 3 * tick_microseconds * boot_info().tsc_khz / 1000;
        for (const std::uint64_t start = read_tsc(); read_tsc() - start < cycles;) {
            pause();
        }
        count.fetch_add(1, std::memory_order_relaxed);
    }

    std::atomic<std::uint64_t> count{0};
    std::atomic<std::uint64_t> rounds{0};     ///< of what it interrupts
    std::atomic<std::uint64_t> fruitless{0};  ///< ticks between which there was none
    std::uint64_t rounds_before = 0;
};

GUEST_TEST(shootdown, slow_ticks_leave_time_for_what_they_interrupt) {
    GUEST_REQUIRE(boot_info().tsc_khz != 0);
    static constinit SlowTicks slow;
    set_interrupt_handler(tick_vector, [](TrapFrame&) {
        slow.tick();
        start_next_tick();
    });
    {
        const TicksWhileInScope<SlowTicks> ticks;
        while (slow.count.load(std::memory_order_relaxed) < 20) {
            slow.rounds.fetch_add(1, std::memory_order_relaxed);
            pause();
        }
    }
    // One may have been pending; none starts another.
    const std::uint64_t count = slow.count.load(std::memory_order_relaxed);
    const std::uint64_t fruitless = slow.fruitless.load(std::memory_order_relaxed);
    GUEST_LOG("{} rounds between {} ticks, none between {}",
              slow.rounds.load(std::memory_order_relaxed), count, fruitless);
    // Almost all of them where ticks are periodic and KVM makes up for those that came too late.
    GUEST_EXPECT_LT(fruitless * 2, count);
    const std::uint64_t ten_ticks = 10 * tick_microseconds * boot_info().tsc_khz / 1000;
    for (const std::uint64_t start = read_tsc(); read_tsc() - start < ten_ticks;) {
        pause();
    }
    GUEST_EXPECT_LE(slow.count.load(std::memory_order_relaxed), count + 1);
}

// Protocols that are wrong on purpose: the readers must notice.

/// To be looked for by expect_violations().
template <typename Platform>
auto wrong_protocol(std::uint64_t pages, TargetState target) {
    return [pages, target](Patience patience) {
        const bool patient = patience == Patience::until_seen;
        static ExperimentHistograms histograms;
        const ExperimentCounts counts =
            run_shootdowns<GlobalShootdown, Platform>({.cpus = cpu_count(),
                                                       .pages = pages,
                                                       .target = target,
                                                       .samples = patient ? 2000U : 20U,
                                                       .until_violation = patient},
                                                      histograms);
        GUEST_LOG("{} violations in {} shootdowns, {} reads", counts.violations, counts.shootdowns,
                  counts.reads);
        return counts.violations;
    };
}

/// Leaves out every invalidation, and tells nobody.
struct NoInvalidationPlatform : TracedPlatform {
    shootdown::CpuSet active_cpus(const AddressSpace&) const { return {}; }
    void invalidate(const AddressSpace&, const shootdown::Request&) const {}
};

// Software emulation of SVM, for one, flushes on every exit.

GUEST_TEST(shootdown, a_missing_invalidation_is_seen_in_user_mode,
           {.cpus = 2, .timeout = patient_timeout, .tags = "needs-stale-translations"}) {
    expect_violations(
        wrong_protocol<NoInvalidationPlatform>(1, TargetState::user),
        [] { return translations_stay_stale_elsewhere({}); },
        "user mode keeps no stale translation on this host");
}

GUEST_TEST(shootdown, a_missing_invalidation_is_seen_by_a_spinning_target,
           {.cpus = 2, .timeout = patient_timeout, .tags = "needs-stale-translations"}) {
    expect_violations(
        wrong_protocol<NoInvalidationPlatform>(1, TargetState::spin),
        [] {
            return translations_stay_stale_between_visits() ||
                   translations_stay_stale_elsewhere({.kernel_reader = true});
        },
        "each PAUSE, or return from user mode, loses its CPU's translations on this host");
}

GUEST_TEST(shootdown, a_missing_invalidation_is_seen_by_a_sleeping_target,
           {.cpus = 2, .timeout = patient_timeout, .tags = "needs-stale-translations"}) {
    expect_violations(
        wrong_protocol<NoInvalidationPlatform>(1, TargetState::hlt),
        [] { return translations_stay_stale_between_visits(/*asleep=*/true); },
        "each HLT, or return from user mode, loses its CPU's translations on this host");
}

/// Invalidates the first page of a range and leaves out the rest.
struct FirstPageOnlyPlatform : TracedPlatform {
    void invalidate(const AddressSpace& space, shootdown::Request request) const {
        request.pages.pages = 1;
        TracedPlatform::invalidate(space, request);
    }
};

GUEST_TEST(shootdown, a_page_left_out_of_a_range_is_seen,
           {.cpus = 2, .timeout = patient_timeout, .tags = "needs-stale-translations"}) {
    expect_violations(
        wrong_protocol<FirstPageOnlyPlatform>(16, TargetState::user),
        [] { return translations_stay_stale_elsewhere({.interrupt = true}); },
        "an interrupt drops all translations of its CPU on this host");
}

/// Leaves out the remote invalidation: nobody else is told.
struct LocalOnlyPlatform : TracedPlatform {
    shootdown::CpuSet active_cpus(const AddressSpace&) const { return {}; }
};

GUEST_TEST(shootdown, a_missing_invalidation_is_seen_in_a_soak,
           {.cpus = 2, .timeout = patient_timeout, .tags = "slow needs-stale-translations"}) {
    expect_violations(
        [](Patience patience) {
            return soak<GlobalShootdown, NoInvalidationPlatform>(patience).violations;
        },
        [] { return translations_stay_stale_between_visits(); },
        "each return from user mode loses its translations on this host");
}

GUEST_TEST(shootdown, a_missing_remote_invalidation_is_seen,
           {.cpus = 2, .timeout = patient_timeout, .tags = "needs-stale-translations"}) {
    // KVM's shadow paging has one shadow table for all vCPUs: it turns the initiator's INVLPG into
    // an invalidation on all of them.
    expect_violations(
        wrong_protocol<LocalOnlyPlatform>(1, TargetState::user),
        [] { return translations_stay_stale_elsewhere({.invlpg = true}); },
        "one CPU's INVLPG works on all of them on this host");
}

}  // namespace
}  // namespace nestbed::guest
