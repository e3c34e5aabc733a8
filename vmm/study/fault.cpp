// measure fault: what a store costs, by what is missing when it begins.
#include <algorithm>

#include "shared/channel/abi.hpp"
#include "shared/paging/page_size.hpp"
#include "shared/study/fault_rungs.hpp"
#include "vmm/result/measurements.hpp"
#include "vmm/study/study.hpp"

namespace nestbed::vmm {

namespace {

using study::Rung;

constexpr char fault_explanation[] =
    "A store to a page of memory, from guest user mode, which is native on every host: what it "
    "takes until it completes, by what is missing when it begins. Each rung of the ladder runs in "
    "a VM of its own, and each store is to a page of its own, or to one page of each huge page "
    "that stands behind guest memory.";

constexpr char fault_examples[] =
    "  nestbed measure fault\n"
    "  nestbed measure fault --rung hit,unmapped,unpopulated --samples 4096\n"
    "  nestbed measure fault --rung userfault-missing --cpus 4\n"
    "  nestbed measure fault --backing thp --format json --output fault.json\n";

constexpr std::uint64_t small_page = paging::bytes_of(paging::PageSize::size_4k);

/// What KVM's shadow paging may map with one fault, if the host has it and the guest's entries are
/// marked accessed (arch/x86/kvm/mmu/mmu.c, PTE_PREFETCH_NUM).
constexpr std::uint64_t prefetched_bytes = 8 * small_page;

channel::DirtyLogging logging_of(Rung rung) {
    switch (rung) {
        case Rung::dirty_bitmap:
        case Rung::log_ended:
            return {.kind = channel::DirtyLogKind::bitmap};
        case Rung::dirty_ring:
            // More than a vCPU ever fills: a full ring would be an exit more.
            return {.kind = channel::DirtyLogKind::ring,
                    .ring_entries = channel::max_dirty_ring_entries};
        default:
            return {};
    }
}

void fault_configure(const Point& point, TestSettings& settings) {
    const auto rung = point.as<Rung>("rung");
    const Backing backing = settings.backing.kind;
    // One vCPU reads while the memslot moves.
    const bool moves = rung == Rung::moved;
    const std::uint64_t block = std::max(block_bytes(backing), moves ? prefetched_bytes : 0);
    const std::uint64_t blocks = point["samples"] + study::counted_stores + (moves ? 1 : 0);
    settings.cpus += moves ? 1 : 0;
    settings.test_memory = {.bytes = blocks * block};
    settings.dirty_logging = logging_of(rung);
    // A read of memory that is not populated maps the host's zero page.
    const bool zero_page = backing == Backing::anon || backing == Backing::thp;
    settings.parameters.emplace_back("block_pages", block / small_page);
    settings.parameters.emplace_back("zero_page", zero_page ? 1 : 0);
}

std::vector<Axis> fault_axes() {
    std::vector<Axis> all =
        with_vm_axes({name_axis<Rung>("rung", "What the stores meet", {}, Axis::shown),
                      cpus_axis("vCPUs that store side by side", 1, channel::max_cpus - 1, {1}, 0),
                      number_axis("samples", "Stores of each rung", 1, study::max_fault_samples,
                                  {256}, Axis::effort)});
    // What is missing is what it is about.
    std::erase_if(all, [](const Axis& axis) { return axis.name == "prefault"; });
    std::ranges::find(all, "backing", &Axis::name)->traits |= Axis::list;
    return all;
}

/// Beside the median of `hit` under the same conditions.
Derived over_hit() {
    return {.name = "over_hit",
            .title = "p50 /hit",
            .value = [](const StudyRun& run, const StudyRuns& runs) -> Derived::Value {
                const auto hit = std::ranges::find_if(runs, [&](const StudyRun& other) {
                    return other.point.as<Rung>("rung") == Rung::hit &&
                           other.test.verdict == Verdict::passed &&
                           other.point["cpus"] == run.point["cpus"] &&
                           other.point["backing"] == run.point["backing"];
                });
                const auto median = median_of(run.test, "store");
                const auto floor = hit == runs.end() ? std::nullopt : median_of(hit->test, "store");
                if (!median || floor.value_or(0) == 0) {
                    return {};
                }
                return *median / *floor;
            },
            .digits = 1};
}

}  // namespace

Study fault_study() {
    return {
        .name = "fault",
        .summary = "The cost of page faults, from a guest's own to memory its host has not got",
        .explanation = fault_explanation,
        .examples = fault_examples,
        .guest = "measure_fault",
        .test = "rung",
        .axes = fault_axes(),
        .measured = {{"store"}, {"move", "  each move", {}, "part"}},
        .derived = {over_hit()},
        .adds_up = {"reads", "reads_of_nothing"},
        .operation = "store",
        .configure = fault_configure,
    };
}

}  // namespace nestbed::vmm
