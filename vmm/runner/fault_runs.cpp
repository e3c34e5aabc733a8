#include "vmm/runner/fault_runs.hpp"

#include "shared/paging/page_size.hpp"

namespace nestbed::vmm {

namespace {

/// Whether a read of memory that is not populated maps the host's zero page.
bool has_zero_page(Backing backing) { return backing == Backing::anon || backing == Backing::thp; }

}  // namespace

TestSettings fault_settings(fault::Rung rung, const FaultSampling& sampling) {
    const std::uint64_t block = block_bytes(sampling.backing);
    TestSettings settings;
    settings.backing = {.kind = sampling.backing};
    settings.test_memory = {.bytes = (sampling.samples + fault::counted_stores) * block};
    settings.timeout = sampling.timeout;
    settings.placement = sampling.placement;
    settings.statistics = true;
    settings.parameters = {{"rung", static_cast<std::uint64_t>(rung)},
                           {"samples", sampling.samples},
                           {"block_pages", block / paging::bytes_of(paging::PageSize::size_4k)},
                           {"zero_page", has_zero_page(sampling.backing) ? 1U : 0U}};
    return settings;
}

}  // namespace nestbed::vmm
