// What the host finds out about a chase, as outcomes of its measurements: reports hold them, and a
// sweep that goes on reads them back.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "vmm/result/measurements.hpp"
#include "vmm/study/walk.hpp"

namespace nestbed::vmm {

namespace {

constexpr char tlb_entry[] = "tlb_entry";

struct NamedCount {
    std::string name;
    std::uint64_t* count;
};

/// Each with its name, to be written and read by.
std::vector<NamedCount> named_counts(WalkCounts& counts) {
    constexpr std::array levels{"", "pt", "pd", "pdpt", "pml4", "pml5"};
    static_assert(levels.size() == std::tuple_size_v<CountsByLevel>);
    std::vector<NamedCount> all{{"modelled_accesses", &counts.accesses},
                                {"modelled_misses", &counts.misses},
                                {"modelled_unmapped", &counts.unmapped}};
    for (std::size_t level = 1; level < levels.size(); ++level) {
        all.push_back({fmt::format("modelled_{}", levels[level]), &counts.guest[level]});
        all.push_back(
            {fmt::format("modelled_second_stage_{}", levels[level]), &counts.second_stage[level]});
    }
    return all;
}

void add_counts(TestResult& result, const char* chase, WalkCounts counts) {
    const auto found = std::ranges::find(result.measurements, chase, &MeasurementEvent::name);
    if (found == result.measurements.end()) {
        return;
    }
    for (const auto& [name, count] : named_counts(counts)) {
        found->parameters.push_back({name, *count, true});
    }
}

std::optional<WalkCounts> counts_in(const TestResult& result, const char* chase) {
    const MeasurementEvent* found = measurement_named(result, chase);
    WalkCounts counts;
    for (const auto& [name, count] : named_counts(counts)) {
        const auto number = found == nullptr ? std::nullopt : number_named(*found, name);
        if (!number) {
            return std::nullopt;
        }
        *count = *number;
    }
    return counts;
}

}  // namespace

void add_findings(TestResult& result, const WalkFindings& findings) {
    for (MeasurementEvent& event : result.measurements) {
        if (event.name == measurement::chase || event.name == measurement::host_chase) {
            event.parameters.push_back({tlb_entry, paging::bytes_of(findings.leaf), true});
        }
    }
    add_counts(result, measurement::chase, findings.guest);
    add_counts(result, measurement::host_chase, findings.host);
}

std::optional<WalkFindings> findings_of(const TestResult& result) {
    const MeasurementEvent* chase = measurement_named(result, measurement::chase);
    const auto bytes = chase == nullptr ? std::nullopt : number_named(*chase, tlb_entry);
    const auto guest = counts_in(result, measurement::chase);
    const auto host = counts_in(result, measurement::host_chase);
    const std::array pages{paging::PageSize::size_4k, paging::PageSize::size_2m,
                           paging::PageSize::size_1g};
    const auto leaf =
        std::ranges::find_if(pages, [&](auto page) { return paging::bytes_of(page) == bytes; });
    if (leaf == pages.end() || !guest || !host) {
        return std::nullopt;
    }
    return WalkFindings{.leaf = *leaf, .guest = *guest, .host = *host};
}

}  // namespace nestbed::vmm
