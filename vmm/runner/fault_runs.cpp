#include "vmm/runner/fault_runs.hpp"

#include "shared/paging/page_size.hpp"

namespace nestbed::vmm {

namespace {

/// Whether a read of memory that is not populated maps the host's zero page.
bool has_zero_page(Backing backing) { return backing == Backing::anon || backing == Backing::thp; }

channel::DirtyLogging logging_of(fault::Rung rung) {
    switch (rung) {
        case fault::Rung::dirty_bitmap:
        case fault::Rung::log_ended:
            return {.kind = channel::DirtyLogKind::bitmap};
        case fault::Rung::dirty_ring:
            // More than one vCPU ever writes: a full ring would be another exit.
            return {.kind = channel::DirtyLogKind::ring,
                    .ring_entries = channel::max_dirty_ring_entries};
        default:
            return {};
    }
}

}  // namespace

TestSettings fault_settings(fault::Rung rung, const FaultSampling& sampling) {
    const std::uint64_t block = block_bytes(sampling.backing);
    TestSettings settings;
    settings.backing = {.kind = sampling.backing};
    settings.cpus =
        static_cast<std::uint32_t>(sampling.cpus) + (rung == fault::Rung::moved ? 1U : 0U);
    // One block more than is stored to, for the one that reads in `moved`.
    settings.test_memory = {.bytes = (sampling.samples + fault::counted_stores + 1) * block};
    settings.dirty_logging = logging_of(rung);
    settings.timeout = sampling.timeout;
    settings.placement = sampling.placement;
    settings.statistics = true;
    settings.parameters = {{"rung", static_cast<std::uint64_t>(rung)},
                           {"samples", sampling.samples},
                           {"cpus", sampling.cpus},
                           {"block_pages", block / paging::bytes_of(paging::PageSize::size_4k)},
                           {"zero_page", has_zero_page(sampling.backing) ? 1U : 0U}};
    return settings;
}

}  // namespace nestbed::vmm
