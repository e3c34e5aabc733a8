#include "vmm/memory/memory_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace nestbed::vmm {

namespace {

using Field = std::pair<std::string_view, std::uint64_t ResidentPages::*>;
constexpr std::array<Field, 7> sums{{
    {"Rss", &ResidentPages::rss},
    {"AnonHugePages", &ResidentPages::anon_huge_pages},
    {"ShmemPmdMapped", &ResidentPages::shmem_pmd_mapped},
    {"FilePmdMapped", &ResidentPages::file_pmd_mapped},
    {"Shared_Hugetlb", &ResidentPages::shared_hugetlb},
    {"Private_Hugetlb", &ResidentPages::private_hugetlb},
    {"Swap", &ResidentPages::swap},
}};

struct Range {
    std::uint64_t begin;
    std::uint64_t end;
};

std::optional<std::uint64_t> number(std::string_view& text, int base) {
    std::uint64_t value = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (result.ec != std::errc()) {
        return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(result.ptr - text.data()));
    return value;
}

/// Of a line with which a mapping begins: "55e0c6a00000-55e0c6a21000 rw-p …".
std::optional<Range> range_in(std::string_view line) {
    const auto begin = number(line, 16);
    if (!begin || !line.starts_with('-')) {
        return std::nullopt;
    }
    line.remove_prefix(1);
    const auto end = number(line, 16);
    return end && line.starts_with(' ') ? std::optional(Range{*begin, *end}) : std::nullopt;
}

/// Of a line such as "Rss:   12 kB".
void add_field(std::string_view line, ResidentPages& pages) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) {
        return;
    }
    const std::string_view name = line.substr(0, colon);
    line.remove_prefix(std::min(line.find_first_not_of(' ', colon + 1), line.size()));
    const std::uint64_t bytes = number(line, 10).value_or(0) << 10;
    if (name == "KernelPageSize") {
        pages.kernel_page_size = bytes;
    }
    for (const auto& [known, member] : sums) {
        if (known == name) {
            pages.*member += bytes;
        }
    }
}

}  // namespace

ResidentPages read_resident_pages(std::istream& smaps, std::uint64_t begin, std::uint64_t end) {
    ResidentPages pages;
    bool inside = false;
    for (std::string line; std::getline(smaps, line);) {
        if (const auto range = range_in(line)) {
            if (range->begin >= end) {
                break;  // they are in the order of their addresses
            }
            inside = range->begin >= begin && range->end <= end;
            pages.mapped += inside ? range->end - range->begin : 0;
        } else if (inside) {
            add_field(line, pages);
        }
    }
    return pages;
}

ResidentPages resident_pages_of(const void* address, std::uint64_t size) {
    std::ifstream smaps("/proc/self/smaps");
    const auto begin = reinterpret_cast<std::uint64_t>(address);
    return read_resident_pages(smaps, begin, begin + size);
}

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
