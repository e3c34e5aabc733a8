// TLB shootdown: each protocol correct, `global` for targets in each state; and protocols that are
// wrong on purpose, to show that the check would see it.

#include <array>

#include "guest/harness/shootdown_protocol.hpp"
#include "guest/harness/test.hpp"

namespace nestbed::guest {
namespace {

using shootdown::GlobalShootdown;
using shootdown::ProtocolId;

void expect_correct_shootdowns(const ExperimentSettings& settings,
                               ProtocolId protocol = ProtocolId::global) {
    static stats::Histogram latencies;
    const ExperimentCounts counts = run_shootdowns(protocol, settings, latencies);
    GUEST_EXPECT_EQ(counts.violations, 0U);
    GUEST_EXPECT_GT(counts.shootdowns, settings.samples);
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

void expect_correct_with_few_samples(ProtocolId protocol) {
    expect_correct_shootdowns(
        {.cpus = cpu_count(), .pages = 2, .target = TargetState::user, .samples = 5}, protocol);
}

GUEST_TEST(shootdown, mailbox_targets_in_user_mode, {.cpus = 2}) {
    expect_correct_with_few_samples(ProtocolId::mailbox);
}

GUEST_TEST(shootdown, mailbox_many_targets_in_user_mode, {.cpus = 8}) {
    expect_correct_with_few_samples(ProtocolId::mailbox);
}

GUEST_TEST(shootdown, mailbox_overlapped_targets_in_user_mode, {.cpus = 2}) {
    expect_correct_with_few_samples(ProtocolId::mailbox_overlapped);
}

GUEST_TEST(shootdown, mailbox_overlapped_many_targets_in_user_mode, {.cpus = 8}) {
    expect_correct_with_few_samples(ProtocolId::mailbox_overlapped);
}

GUEST_TEST(shootdown, scoreboard_targets_in_user_mode, {.cpus = 2}) {
    expect_correct_with_few_samples(ProtocolId::scoreboard);
}

GUEST_TEST(shootdown, scoreboard_many_targets_in_user_mode, {.cpus = 8}) {
    expect_correct_with_few_samples(ProtocolId::scoreboard);
}

GUEST_TEST(shootdown, early_ack_targets_in_user_mode, {.cpus = 2}) {
    expect_correct_with_few_samples(ProtocolId::early_ack);
}

GUEST_TEST(shootdown, early_ack_many_targets_in_user_mode, {.cpus = 8}) {
    expect_correct_with_few_samples(ProtocolId::early_ack);
}

// Protocols that are wrong on purpose: the readers must notice.

/// Whether user mode on this host can see a stale translation at all: it reads a page, changes its
/// entry, and reads again without an invalidation. A processor may drop a translation at any time,
/// so one stale read in many tries says yes.
bool translations_stay_stale() {
    constexpr auto page = paging::Page4k::at<0x6000'0000'0000>();
    constexpr auto window = paging::Page4k::at<0x7000'0000'0000>();
    constexpr auto flags = paging::Flags(paging::Permission::read | paging::Permission::user);
    AddressSpace space;
    const std::array frame{frames().allocate_zeroed(), frames().allocate_zeroed()};
    GUEST_REQUIRE(frame[0].has_value() && frame[1].has_value());
    *in_direct_map(frame[1]->address()) = 1;
    GUEST_REQUIRE(space.mapper().map(page, *frame[0], flags));
    const PageTableWindow table(space, page, window);
    space.load();
    bool stale = false;
    for (std::uint64_t n = 1; n <= 20; ++n) {
        const std::uint64_t entry = paging::Pte::leaf(*frame[n % 2], flags).raw();
        stale = stale || table.read_after_store(page.address().raw(), 0, entry) != n % 2;
        invlpg(page.address().raw());
    }
    AddressSpace::unload();
    return stale;
}

template <typename Platform>
ExperimentCounts run_wrong_protocol(std::uint64_t pages, TargetState target) {
    static stats::Histogram latencies;
    const ExperimentCounts counts = run_shootdowns<GlobalShootdown, Platform>(
        {.cpus = cpu_count(), .pages = pages, .target = target, .samples = 20}, latencies);
    GUEST_LOG("{} violations in {} shootdowns, {} reads", counts.violations, counts.shootdowns,
              counts.reads);
    return counts;
}

/// Leaves out every invalidation, and tells nobody.
struct NoInvalidationPlatform : GuestPlatform {
    shootdown::CpuSet active_cpus(const AddressSpace&) const { return {}; }
    void invalidate(const AddressSpace&, const shootdown::Request&) const {}
};

void expect_missing_invalidation_is_seen(TargetState target) {
    if (!translations_stay_stale()) {
        GUEST_SKIP("this host keeps no stale translation, so there is none to catch");
    }
    const ExperimentCounts counts = run_wrong_protocol<NoInvalidationPlatform>(1, target);
    if (target != TargetState::user && counts.violations == 0) {
        // Software emulation of SVM, for one, flushes on every exit, HLT included.
        GUEST_SKIP("a target in this state loses its translations by itself on this host");
    }
    GUEST_EXPECT_GT(counts.violations, 0U);
}

GUEST_TEST(shootdown, a_missing_invalidation_is_seen_in_user_mode, {.cpus = 2}) {
    expect_missing_invalidation_is_seen(TargetState::user);
}

GUEST_TEST(shootdown, a_missing_invalidation_is_seen_by_a_spinning_target, {.cpus = 2}) {
    expect_missing_invalidation_is_seen(TargetState::spin);
}

GUEST_TEST(shootdown, a_missing_invalidation_is_seen_by_a_sleeping_target, {.cpus = 2}) {
    expect_missing_invalidation_is_seen(TargetState::hlt);
}

/// Invalidates the first page of a range and leaves out the rest.
struct FirstPageOnlyPlatform : GuestPlatform {
    void invalidate(const AddressSpace& space, shootdown::Request request) const {
        request.pages.pages = 1;
        GuestPlatform::invalidate(space, request);
    }
};

GUEST_TEST(shootdown, a_page_left_out_of_a_range_is_seen, {.cpus = 2}) {
    if (!translations_stay_stale()) {
        GUEST_SKIP("this host keeps no stale translation, so there is none to catch");
    }
    const ExperimentCounts counts =
        run_wrong_protocol<FirstPageOnlyPlatform>(16, TargetState::user);
    if (counts.violations == 0) {
        GUEST_SKIP("interrupts drop all translations of a CPU on this host, so none stayed stale");
    }
}

/// Leaves out the remote invalidation: nobody else is told.
struct LocalOnlyPlatform : GuestPlatform {
    shootdown::CpuSet active_cpus(const AddressSpace&) const { return {}; }
};

GUEST_TEST(shootdown, a_missing_remote_invalidation_is_seen, {.cpus = 2}) {
    if (run_wrong_protocol<LocalOnlyPlatform>(1, TargetState::user).violations == 0) {
        // KVM's shadow paging has one shadow table for all vCPUs: it turns the initiator's INVLPG
        // into an invalidation on all of them.
        GUEST_SKIP("one CPU's INVLPG works on all of them here, so no translation stayed stale");
    }
}

}  // namespace
}  // namespace nestbed::guest
