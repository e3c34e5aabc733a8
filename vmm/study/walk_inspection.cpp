// What the model makes of a pointer chase, when its guest is done.
#include <algorithm>
#include <cstring>
#include <vector>

#include "shared/channel/layout.hpp"
#include "shared/channel/test_memory.hpp"
#include "shared/chase/chase.hpp"
#include "vmm/host/describe.hpp"
#include "vmm/memory/memory_report.hpp"
#include "vmm/model/model_tables.hpp"
#include "vmm/study/walk.hpp"

namespace nestbed::vmm {

namespace {

using paging::PageSize;

/// What the memory of the working set is really made of. Of transparent huge pages, whether the
/// kernel gave one everywhere: where some are missing, the small ones are what counts.
PageSize host_page_of(const TestMemory& memory, const Point& point) {
    constexpr std::uint64_t huge_page = paging::bytes_of(PageSize::size_2m);
    const auto backing = point.as<Backing>("backing");
    if (backing == Backing::thp) {
        const std::uint64_t touched =
            (point["working_set"] + huge_page - 1) / huge_page * huge_page;
        const HostMemory& host = memory.memory();
        const std::uint64_t huge = resident_pages_of(host.address(), host.size()).anon_huge_pages;
        return huge >= touched ? PageSize::size_2m : PageSize::size_4k;
    }
    return backing == Backing::hugetlb_2m   ? PageSize::size_2m
           : backing == Backing::hugetlb_1g ? PageSize::size_1g
                                            : PageSize::size_4k;
}

/// The linear addresses of the guest's chain, from its first node on: `count` of them, or fewer if
/// it leads out of the test memory.
std::vector<std::uint64_t> way_of_chain(const HostMemory& memory, std::uint64_t count) {
    std::vector<std::uint64_t> way;
    std::uint64_t offset = chase::Spread{0, 1}.address_of(0);
    while (way.size() < count && offset <= memory.size() - sizeof(std::uint64_t)) {
        way.push_back(channel::layout::test_memory + offset);
        std::uint64_t next = 0;
        std::memcpy(&next, static_cast<const std::byte*>(memory.address()) + offset, sizeof next);
        offset = next - channel::layout::test_memory;
    }
    return way;
}

/// Warms the caches up with the first half and counts over the second.
template <typename Model>
WalkCounts replay(Model&& model, const std::vector<std::uint64_t>& way) {
    const std::size_t half = way.size() / 2;
    for (std::size_t n = 0; n < way.size(); ++n) {
        if (n == half) {
            model.start_counting();
        }
        model.access(way[n]);
    }
    return model.counts();
}

/// A table of one stage with the leaves that both sides allow: a process's, or a shadow table.
WalkCounts model_one_stage(const Machine& machine, PageSize leaf,
                           const std::vector<std::uint64_t>& way, const TranslationCaches& caches) {
    ModelTables tables;
    tables.map(channel::layout::test_memory, channel::test_memory_physical,
               machine.test_memory()->size(), leaf);
    const auto reader = [&](paging::PhysAddr address) { return tables.entry_at(address); };
    return replay(WalkModel(reader, paging::NoSecondStage{}, tables.root(), {}, caches), way);
}

/// The guest's own tables, and a second stage with leaves as large as its memory allows.
WalkCounts model_two_stages(const Machine& machine, PageSize host,
                            const std::vector<std::uint64_t>& way,
                            const TranslationCaches& caches) {
    const GuestMemory& memory = machine.memory();
    ModelTables tables;
    // KVM uses no leaf that reaches beyond its memslot.
    const PageSize low = memory.size() % paging::bytes_of(host) == 0 ? host : PageSize::size_2m;
    tables.map(0, 0, memory.size(), low);
    tables.map(channel::test_memory_physical, channel::test_memory_physical,
               machine.test_memory()->size(), host);
    const auto reader = [&](paging::PhysAddr address) {
        return address.raw() < ModelTables::base ? memory.read<std::uint64_t>(address.raw())
                                                 : tables.entry_at(address);
    };
    const paging::NptStage stage{.root = tables.root()};
    const paging::ControlState guest{.format = machine.features().entry_format()};
    return replay(WalkModel(reader, stage, machine.boot_root(), guest, caches), way);
}

}  // namespace

bool has_second_stage() {
    const std::string paging = describe_host(nullptr).paging;
    return paging == "ept" || paging == "npt";
}

void inspect_walk(const Point& point, const Machine& machine, TestResult& result,
                  const std::stop_token& stop) {
    // Twice around, or as far as it takes for the caches to be as full as they get.
    constexpr std::uint64_t enough = 40'000;
    const TestMemory& memory = *machine.test_memory();
    const PageSize page = host_page_of(memory, point);
    const PageSize leaf = std::min(point.as<PageSize>("guest_leaf"), page);
    const auto way = way_of_chain(memory.memory(),
                                  std::min(2 * point["working_set"] / chase::page_bytes, enough));
    const TranslationCaches caches = caches_of_this_host().caches;
    const WalkCounts process = model_one_stage(machine, leaf, way, caches);
    result.findings = WalkFindings{
        .leaf = leaf,
        .guest = has_second_stage() ? model_two_stages(machine, page, way, caches) : process,
        .host = process};
    chase_in_process(point, machine, page, leaf, result, stop);
}

}  // namespace nestbed::vmm
