// What `nestbed measure fault` runs, once per rung (shared/fault/rung.hpp) in a fresh VM.

#include "guest/harness/host_operation.hpp"
#include "guest/harness/measure.hpp"
#include "guest/harness/statistics.hpp"
#include "guest/harness/test.hpp"
#include "guest/harness/user_page_faults.hpp"
#include "guest/harness/user_stores.hpp"
#include "shared/chase/chase.hpp"

namespace nestbed::guest {
namespace {

using fault::Rung;

Rung rung_from_parameters() {
    const std::uint64_t rung = parameter("rung", 0);
    GUEST_REQUIRE(rung < fault::rung_count);
    return static_cast<Rung>(rung);
}

/// Those of the samples, and behind them those of the counted stores.
Blocks blocks_from_parameters() {
    const std::uint64_t samples = parameter("samples", 16);
    GUEST_REQUIRE(samples >= 1);
    GUEST_REQUIRE(samples <= fault::max_samples);
    const Blocks blocks{parameter("block_pages", 1), 0, samples + fault::counted_stores};
    GUEST_REQUIRE(blocks.pages >= 1);
    GUEST_REQUIRE(blocks.pages <= boot_info().test_memory.bytes / chase::page_bytes / blocks.count);
    return blocks;
}

void have_host(HostOperationId id, const Blocks& blocks) {
    const HostOperation done =
        host_operation(id, blocks.first * blocks.pages, blocks.count * blocks.pages);
    GUEST_REQUIRE(done.error == 0);
}

/// Brings about what the stores are to meet. Returns how many pages were not as they should be on
/// the way there.
std::uint64_t prepare(Rung rung, const Blocks& blocks) {
    switch (rung) {
        case Rung::hit:
            plant(blocks);
            break;
        case Rung::guest_fault:
            plant(blocks);
            withdraw_pages(blocks);
            break;
        case Rung::guest_upgrade:
            plant(blocks);
            protect_pages(blocks);
            break;
        case Rung::unmapped:
            have_host(HostOperationId::populate, blocks);
            break;
        case Rung::unpopulated:
            break;
        case Rung::zero_page_upgrade:
            return count_not_zero(blocks);
        case Rung::discarded:
            plant(blocks);
            have_host(HostOperationId::discard, blocks);
            break;
    }
    return 0;
}

/// How many pages are not what the rung leaves behind, or met another number of the guest's page
/// faults than one.
std::uint64_t conclude(Rung rung, const Blocks& blocks) {
    const bool skipped = rung == Rung::guest_fault;
    const bool faults = skipped || rung == Rung::guest_upgrade;
    std::uint64_t violations = 0;
    if (faults) {
        const std::uint64_t seen = restore_pages();
        violations += seen > blocks.count ? seen - blocks.count : blocks.count - seen;
    }
    return violations +
           count_wrong(blocks, {.planted = faults || rung == Rung::hit, .stored = !skipped});
}

/// Parameters: `rung` (a fault::Rung), `samples`, `block_pages` (4 KiB pages that one fault of the
/// host may bring in), `zero_page` (whether reads map the host's zero page).
GUEST_TEST(measure_fault, rung, {.test_memory = 2 << 20}) {
    const Rung rung = rung_from_parameters();
    if (rung == Rung::zero_page_upgrade && parameter("zero_page", 1) == 0) {
        GUEST_SKIP("a read of such memory brings in a page of its own, not the zero page");
    }
    const Blocks blocks = blocks_from_parameters();
    const std::uint64_t samples = blocks.count - fault::counted_stores;
    static stats::Histogram cycles;
    std::uint64_t violations = prepare(rung, blocks);
    time_stores(blocks.part(0, samples));
    record_stores(cycles);
    for (std::uint64_t n = samples; n < blocks.count; ++n) {
        // Without the visit to user mode.
        count_over([&] { time_stores(blocks.part(n, 1)); },
                   [&] { time_stores(blocks.part(n, 0)); });
    }
    violations += conclude(rung, blocks);
    report_measurement("store", "cycles", cycles,
                       {word("rung", name_of(rung)), number("block_pages", blocks.pages),
                        number("violations", violations)},
                       Counted::yes);
}

}  // namespace
}  // namespace nestbed::guest
