#include "vmm/memory/backing_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace nestbed::vmm {

BackingReport report_backing(const HostMemory& memory) {
    BackingReport report;
    report.asked = memory.backing();
    report.bytes = memory.size();
    report.host = resident_pages_of(memory.address(), memory.size());
    if (report.host.mapped != memory.size()) {
        report.problem =
            fmt::format("/proc/self/smaps shows {} of {} bytes", report.host.mapped, memory.size());
    }
    if (const std::uint64_t page = page_bytes(memory.backing().kind); page > 4096) {
        report.pool = huge_page_pool(page);
    }
    return report;
}

std::optional<KvmPages> kvm_pages_in(const std::vector<kvm::Gauge>& gauges) {
    const auto value_of = [&](std::string_view name) {
        const auto found = std::ranges::find(gauges, name, &kvm::Gauge::name);
        return found == gauges.end() ? std::nullopt : std::optional(found->value);
    };
    const auto size_4k = value_of("pages_4k");
    const auto size_2m = value_of("pages_2m");
    const auto size_1g = value_of("pages_1g");
    if (!size_4k || !size_2m || !size_1g) {
        return std::nullopt;
    }
    return KvmPages{*size_4k, *size_2m, *size_1g};
}

}  // namespace nestbed::vmm
