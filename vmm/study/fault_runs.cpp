#include "vmm/study/fault_runs.hpp"

#include <algorithm>

#include "shared/paging/page_size.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::uint64_t small_page = paging::bytes_of(paging::PageSize::size_4k);

/// What KVM's shadow paging may map with one fault, if the host has it and the guest's entries are
/// marked accessed (arch/x86/kvm/mmu/mmu.c, PTE_PREFETCH_NUM).
constexpr std::uint64_t prefetched_bytes = 8 * small_page;

/// Whether a read of memory that is not populated maps the host's zero page.
bool has_zero_page(Backing backing) { return backing == Backing::anon || backing == Backing::thp; }

channel::DirtyLogging logging_of(fault::Rung rung) {
    switch (rung) {
        case fault::Rung::dirty_bitmap:
        case fault::Rung::log_ended:
            return {.kind = channel::DirtyLogKind::bitmap};
        case fault::Rung::dirty_ring:
            // More than a vCPU ever fills: a full ring would be an exit more.
            return {.kind = channel::DirtyLogKind::ring,
                    .ring_entries = channel::max_dirty_ring_entries};
        default:
            return {};
    }
}

}  // namespace

TestSettings fault_settings(fault::Rung rung, const FaultSampling& sampling) {
    const bool moves = rung == fault::Rung::moved;
    const std::uint64_t block =
        std::max(block_bytes(sampling.backing), moves ? prefetched_bytes : 0);
    const std::uint64_t blocks = sampling.samples + fault::counted_stores + (moves ? 1 : 0);
    TestSettings settings;
    settings.cpus = static_cast<std::uint32_t>(sampling.cpus) + (moves ? 1 : 0);
    settings.backing = {.kind = sampling.backing};
    settings.test_memory = {.bytes = blocks * block};
    settings.dirty_logging = logging_of(rung);
    settings.timeout = sampling.timeout;
    settings.placement = sampling.placement;
    settings.statistics = true;
    settings.parameters = {{"rung", static_cast<std::uint64_t>(rung)},
                           {"samples", sampling.samples},
                           {"cpus", sampling.cpus},
                           {"block_pages", block / small_page},
                           {"zero_page", has_zero_page(sampling.backing) ? 1U : 0U}};
    return settings;
}

}  // namespace nestbed::vmm
