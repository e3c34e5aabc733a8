#include "vmm/memory/memory_report.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <sstream>
#include <string_view>
#include <utility>

#include "vmm/base/file.hpp"

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

}  // namespace

ResidentPages read_resident_pages(std::istream& smaps, std::uint64_t begin, std::uint64_t end) {
    ResidentPages pages;
    bool inside = false;
    for (std::string line; std::getline(smaps, line);) {
        std::uint64_t from = 0;
        std::uint64_t to = 0;
        std::uint64_t field_kib = 0;
        std::array<char, 32> name{};
        // A mapping begins with "55e0c6a00000-55e0c6a21000 rw-p …", its fields are "Rss:   12 kB".
        if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 "", &from, &to) == 2) {
            if (from >= end) {
                break;  // they are in the order of their addresses
            }
            inside = from >= begin && to <= end;
            pages.mapped += inside ? to - from : 0;
        } else if (inside &&
                   std::sscanf(line.c_str(), "%31[^:]:%" SCNu64, name.data(), &field_kib) == 2) {
            if (name.data() == std::string_view("KernelPageSize")) {
                pages.kernel_page_size = field_kib << 10;
            }
            const auto sum = std::ranges::find(sums, name.data(), &Field::first);
            if (sum != sums.end()) {
                pages.*sum->second += field_kib << 10;
            }
        }
    }
    return pages;
}

MemoryMaps::MemoryMaps() : file_(::open("/proc/self/smaps", O_RDONLY | O_CLOEXEC)) {}

ResidentPages MemoryMaps::resident_pages_of(const void* address, std::uint64_t size) const {
    std::string text;
    ::lseek(file_.get(), 0, SEEK_SET);
    while (read_some(file_.get(), text) > 0) {
    }
    std::istringstream smaps(std::move(text));
    const auto begin = reinterpret_cast<std::uint64_t>(address);
    return read_resident_pages(smaps, begin, begin + size);
}

BackingReport report_backing(const HostMemory& memory, const MemoryMaps& maps) {
    BackingReport report{memory.backing(),
                         memory.size(),
                         maps.resident_pages_of(memory.address(), memory.size()),
                         {},
                         {}};
    if (report.host.mapped != memory.size()) {
        report.problem =
            fmt::format("/proc/self/smaps shows {} of {} bytes", report.host.mapped, memory.size());
    }
    return report;
}

std::optional<HugePages> found_pool(const BackingSettings& backing) {
    const std::uint64_t page = page_bytes(backing.kind);
    return page > 4096 ? huge_page_pool(page) : std::nullopt;
}

std::optional<KvmPages> kvm_pages_in(const std::vector<kvm::Statistic>& gauges) {
    KvmPages pages;
    const auto find = [&](std::string_view name, std::uint64_t& value) {
        const auto found = std::ranges::find(gauges, name, &kvm::Statistic::name);
        value = found == gauges.end() ? 0 : found->value;
        return found != gauges.end();
    };
    const bool complete = find("pages_4k", pages.size_4k) && find("pages_2m", pages.size_2m) &&
                          find("pages_1g", pages.size_1g);
    return complete ? std::optional(pages) : std::nullopt;
}

}  // namespace nestbed::vmm
