// What `nestbed measure fault` runs, once per rung (shared/study/fault_rungs.hpp) in a fresh VM.

#include "guest/harness/host_operation.hpp"
#include "guest/harness/measure.hpp"
#include "guest/harness/moving_memory.hpp"
#include "guest/harness/statistics.hpp"
#include "guest/harness/study_parameter.hpp"
#include "guest/harness/test.hpp"
#include "guest/harness/user_page_faults.hpp"
#include "guest/harness/user_stores.hpp"
#include "guest/kernel/frames.hpp"
#include "guest/kernel/smp.hpp"
#include "shared/chase/chase.hpp"

namespace nestbed::guest {
namespace {

using study::Rung;

/// What the parameters ask for.
struct Experiment {
    Rung rung;
    std::uint32_t cpus;  ///< that store side by side
    Blocks blocks;       ///< those of the samples, and behind them those of the counted stores

    Blocks samples() const { return blocks.part(0, blocks.count - study::counted_stores); }
    Blocks counted() const { return blocks.part(samples().count, study::counted_stores); }
    /// Not stored to.
    Blocks spare() const { return blocks.part(blocks.count, 1); }
};

Experiment experiment_from_parameters(Rung rung) {
    const bool moves = rung == Rung::moved;
    const std::uint64_t samples = parameter("samples", 16);
    GUEST_REQUIRE(samples >= 1);
    GUEST_REQUIRE(samples <= study::max_fault_samples);
    const Blocks blocks{parameter("block_pages", 1), 0, samples + study::counted_stores};
    const std::uint64_t pages = boot_info().test_memory.bytes / chase::page_bytes;
    GUEST_REQUIRE(blocks.pages >= 1);
    GUEST_REQUIRE(blocks.pages <= pages / (blocks.count + (moves ? 1 : 0)));
    const std::uint64_t cpus = parameter("cpus", 1);
    GUEST_REQUIRE(cpus >= 1);
    GUEST_REQUIRE(cpus <= cpu_count() - (moves ? 1 : 0));
    return {rung, static_cast<std::uint32_t>(cpus), blocks};
}

/// Each page is written to by the CPU that will store to it.
void plant_all(const Experiment& experiment) {
    plant(experiment.samples(), experiment.cpus);
    plant(experiment.counted());
}

HostOperation ask_host(HostOperationId id, const Blocks& blocks, std::uint64_t argument = 0) {
    return host_operation(id, blocks.first * blocks.pages, blocks.count * blocks.pages, argument);
}

/// Returns its result.
std::uint64_t have_host(HostOperationId id, const Blocks& blocks, std::uint64_t argument = 0) {
    const HostOperation done = ask_host(id, blocks, argument);
    GUEST_REQUIRE(done.error == 0);
    return done.result;
}

void page_out(const Blocks& blocks) {
    const HostOperation done = ask_host(HostOperationId::page_out, blocks);
    GUEST_LOG("{} of {} pages left the host's memory (errno {})", done.result,
              blocks.count * blocks.pages, done.error);
    if (done.result != blocks.count * blocks.pages) {
        GUEST_SKIP("the host keeps such pages: it has no swap, or does not page them out");
    }
}

void serve_faults(channel::UserfaultKind kind, const Blocks& blocks) {
    start_userfault(kind, blocks.first * blocks.pages, blocks.count * blocks.pages);
}

/// While another CPU reads a page that is not stored to.
void move_slot(const Blocks& read) {
    static stats::Histogram cycles;
    plant(read);
    const ReadsOfMovedMemory reads =
        move_while_read(study::memslot_trips, cpu_count() - 1, read.first * read.pages, cycles);
    report_measurement(
        "move", "cycles", cycles,
        {word("rung", Rung::moved), outcome(number("reads", reads.right)),
         outcome(number("reads_of_nothing", reads.nothing))},
        channel::Proof{.checks = reads.right + reads.wrong, .violations = reads.wrong});
}

/// Brings about what the stores are to meet. Returns how many pages were not as they should be on
/// the way there.
std::uint64_t prepare(const Experiment& experiment) {
    const Blocks& blocks = experiment.blocks;
    if (study::is_planted(experiment.rung)) {
        plant_all(experiment);
    }
    switch (experiment.rung) {
        case Rung::hit:
        case Rung::unpopulated:
            break;
        case Rung::guest_fault:
            withdraw_pages(blocks);
            break;
        case Rung::guest_upgrade:
            protect_pages(blocks);
            break;
        case Rung::unmapped:
            have_host(HostOperationId::populate, blocks);
            break;
        case Rung::zero_page_upgrade:
            return count_not_zero(blocks);
        case Rung::discarded:
            plant_all(experiment);
            have_host(HostOperationId::discard, blocks);
            break;
        case Rung::dirty_bitmap:
        case Rung::dirty_ring:
            have_host(HostOperationId::start_dirty_log, blocks);
            break;
        case Rung::log_ended:
            have_host(HostOperationId::start_dirty_log, blocks);
            have_host(HostOperationId::stop_dirty_log, blocks);
            break;
        case Rung::moved:
            move_slot(experiment.spare());
            break;
        case Rung::read_only:
            have_host(HostOperationId::set_read_only, blocks, 1);
            break;
        case Rung::paged_out:
            page_out(blocks);
            break;
        case Rung::userfault_missing:
            serve_faults(channel::UserfaultKind::missing, blocks);
            break;
        case Rung::userfault_minor:
            serve_faults(channel::UserfaultKind::minor, blocks);
            break;
    }
    return 0;
}

/// Pages in the host's log, of all the test memory.
std::uint64_t count_logged() {
    const std::uint64_t pages = boot_info().test_memory.bytes / chase::page_bytes;
    const auto bitmap = frames().allocate_zeroed_2m();
    GUEST_REQUIRE(bitmap.has_value());
    GUEST_REQUIRE(pages / 8 <= paging::bytes_of(paging::PageSize::size_2m));
    const HostOperation done =
        host_operation(HostOperationId::collect_dirty_log, 0, pages, bitmap->address().raw());
    GUEST_REQUIRE(done.error == 0);
    return done.result;
}

/// How often that which the rung is about has happened, where somebody counts it besides KVM: once
/// for each store, or something is wrong. Elsewhere as often as it should.
std::uint64_t count_events(Rung rung, const Blocks& blocks) {
    switch (rung) {
        case Rung::guest_fault:
        case Rung::guest_upgrade:
            return restore_pages();
        case Rung::dirty_bitmap:
        case Rung::dirty_ring:
            return count_logged();
        case Rung::read_only:
            return have_host(HostOperationId::set_read_only, blocks, 0);
        case Rung::userfault_missing:
        case Rung::userfault_minor:
            return have_host(HostOperationId::stop_userfault, blocks);
        default:
            return blocks.count;
    }
}

/// How many pages are not what the rung leaves behind, or met another number of its events than
/// one.
std::uint64_t conclude(Rung rung, const Blocks& blocks) {
    const std::uint64_t events = count_events(rung, blocks);
    const std::uint64_t amiss =
        events > blocks.count ? events - blocks.count : blocks.count - events;
    return amiss + count_wrong(blocks, {.planted = study::is_planted(rung),
                                        .stored = study::is_stored(rung)});
}

/// Parameters: `rung` (a study::Rung), `samples`, `block_pages` (4 KiB pages that one fault of the
/// host may bring in), `cpus` (that store side by side; `moved` has one more, which reads),
/// `zero_page` (whether reads map the host's zero page).
GUEST_TEST(measure_fault, rung, {.test_memory = 2 << 20, .proof = 1, .tags = "measures"}) {
    const Rung rung = parameter_of("rung", Rung::hit);
    if (rung == Rung::zero_page_upgrade && parameter("zero_page", 1) == 0) {
        GUEST_SKIP("a read of such memory brings in a page of its own, not the zero page");
    }
    if (rung == Rung::moved) {
        skip_without_other_place();
    }
    const Experiment experiment = experiment_from_parameters(rung);
    const Blocks& blocks = experiment.blocks;
    static stats::Histogram cycles;
    std::uint64_t violations = prepare(experiment);
    time_stores(experiment.samples(), experiment.cpus);
    record_stores(cycles);
    for (std::uint64_t n = 0; n < study::counted_stores; ++n) {
        // Without the visit to user mode.
        count_over([&] { time_stores(experiment.counted().part(n, 1)); },
                   [&] { time_stores(experiment.counted().part(n, 0)); });
    }
    violations += conclude(rung, blocks);
    report_measurement(
        "store", "cycles", cycles,
        {word("rung", rung), number("block_pages", blocks.pages), number("cpus", experiment.cpus)},
        channel::Proof{.checks = blocks.count, .violations = violations}, Counted::yes);
}

}  // namespace
}  // namespace nestbed::guest
