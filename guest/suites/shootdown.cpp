// TLB shootdown: correct for targets in each state; and a protocol that is wrong on purpose, to
// show that the check would see it.

#include "guest/harness/shootdown_protocol.hpp"
#include "guest/harness/test.hpp"

namespace nestbed::guest {
namespace {

using shootdown::GlobalShootdown;

void expect_correct_shootdowns(const ExperimentSettings& settings) {
    static stats::Histogram latencies;
    const ExperimentCounts counts = run_shootdowns<GlobalShootdown>(settings, latencies);
    GUEST_EXPECT_EQ(counts.violations, 0U);
    GUEST_EXPECT_EQ(counts.shootdowns, settings.samples);
    GUEST_EXPECT_EQ(latencies.count(), settings.samples);
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

// Two protocols that are wrong on purpose: the readers must notice. A processor may drop a
// translation at any time, so a host on which none stays stale is a skip, not a pass.

void expect_violations(const ExperimentCounts& counts) {
    GUEST_LOG("{} violations in {} shootdowns, {} reads", counts.violations, counts.shootdowns,
              counts.reads);
    if (counts.violations == 0) {
        GUEST_SKIP("this host keeps no stale translation in this case, so there is none to catch");
    }
}

ExperimentSettings settings_of_wrong_protocol() {
    return {.cpus = cpu_count(),
            .samples = 50,
            .stop_at_violation = true,
            .store_from_user_mode = true};
}

/// Leaves out the remote invalidation: nobody else is told.
struct LocalOnlyPlatform : GuestPlatform {
    shootdown::CpuSet active_cpus(const AddressSpace&) const { return {}; }
};

/// KVM's shadow paging has one shadow table for all vCPUs, so it turns the initiator's INVLPG into
/// an invalidation on all of them: there this one goes unseen.
GUEST_TEST(shootdown, a_missing_remote_invalidation_is_seen, {.cpus = 2}) {
    static stats::Histogram latencies;
    expect_violations(run_shootdowns<GlobalShootdown, LocalOnlyPlatform>(
        settings_of_wrong_protocol(), latencies));
}

/// Leaves out every invalidation.
struct NoInvalidationPlatform : LocalOnlyPlatform {
    void invalidate(const AddressSpace&, const shootdown::PageRange&) const {}
};

GUEST_TEST(shootdown, a_missing_invalidation_is_seen, {.cpus = 2}) {
    static stats::Histogram latencies;
    expect_violations(run_shootdowns<GlobalShootdown, NoInvalidationPlatform>(
        settings_of_wrong_protocol(), latencies));
}

}  // namespace
}  // namespace nestbed::guest
