#include "vmm/memory/huge_pages.hpp"

#include <fmt/format.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "vmm/base/text.hpp"

namespace nestbed::vmm {

namespace {

namespace fs = std::filesystem;

constexpr char pools[] = "/sys/kernel/mm/hugepages";
constexpr char transparent[] = "/sys/kernel/mm/transparent_hugepage";
constexpr char own_choice[] = "/hugepages-2048kB";

std::uint64_t number_in(const fs::path& path) {
    std::ifstream stream(path);
    std::uint64_t value = 0;
    stream >> value;
    return stream ? value : 0;
}

/// The choice in brackets: "madvise" of "always [madvise] never"; empty if there is none.
std::string choice_in(const fs::path& path) {
    std::ifstream stream(path);
    std::string choices;
    std::getline(stream, choices);
    const std::size_t open = choices.find('[');
    const std::size_t close = choices.find(']', open);
    return close == std::string::npos ? "" : choices.substr(open + 1, close - open - 1);
}

}  // namespace

std::vector<HugePages> huge_page_pools() {
    std::vector<HugePages> result;
    std::error_code error;
    for (fs::directory_iterator entry(pools, error); !error && entry != fs::directory_iterator();
         entry.increment(error)) {
        const fs::path& pool = entry->path();
        std::uint64_t kib = 0;
        if (std::sscanf(pool.filename().c_str(), "hugepages-%" SCNu64, &kib) == 1) {
            result.push_back({kib, number_in(pool / "nr_hugepages"),
                              number_in(pool / "free_hugepages"),
                              number_in(pool / "resv_hugepages")});
        }
    }
    std::ranges::sort(result, {}, &HugePages::kib);
    return result;
}

std::optional<HugePages> huge_page_pool(std::uint64_t bytes) {
    const std::vector<HugePages> all = huge_page_pools();
    const auto found = std::ranges::find(all, bytes >> 10, &HugePages::kib);
    return found == all.end() ? std::nullopt : std::optional(*found);
}

std::uint64_t default_huge_page_kib() {
    std::ifstream stream("/proc/meminfo");
    for (std::string line; std::getline(stream, line);) {
        std::uint64_t kib = 0;
        if (std::sscanf(line.c_str(), "Hugepagesize: %" SCNu64, &kib) == 1) {
            return kib;
        }
    }
    return 0;
}

std::string huge_page_command(const HugePages& pool, std::string_view count,
                              std::uint64_t default_kib) {
    if (pool.kib == default_kib) {
        return fmt::format("sysctl vm.nr_hugepages={}", count);
    }
    // The sysctl is about the default size only.
    return fmt::format("echo {} > {}/hugepages-{}kB/nr_hugepages", count, pools, pool.kib);
}

std::optional<std::string> huge_page_lack(const std::optional<HugePages>& pool, std::uint64_t bytes,
                                          std::uint64_t count) {
    if (!pool) {
        return fmt::format("this host's processor or kernel has no pages of {}", size_text(bytes));
    }
    // Others may take or return pages between one counter and the next.
    const std::uint64_t available = pool->free - std::min(pool->reserved, pool->free);
    if (available >= count) {
        return std::nullopt;
    }
    return fmt::format(
        "a VM needs {} of {} (and each VM beside it as many), {} can be had: {} in all, {} "
        "free, {} of these reserved. As root: {}",
        counted(count, "page"), size_text(bytes), available, pool->total, pool->free,
        pool->reserved, huge_page_command(*pool, std::to_string(pool->total + count - available)));
}

std::optional<std::string> huge_page_lack(std::uint64_t bytes, std::uint64_t count) {
    return huge_page_lack(huge_page_pool(bytes), bytes, count);
}

std::string transparent_huge_pages() { return choice_in(fs::path(transparent) / "enabled"); }

std::optional<std::string> transparent_huge_page_lack(std::string_view common,
                                                      std::string_view own) {
    const bool inherits = own.empty() || own == "inherit";
    const std::string_view choice = inherits ? common : own;
    if (choice.empty()) {
        return "this kernel has no transparent huge pages (CONFIG_TRANSPARENT_HUGEPAGE)";
    }
    if (choice == "never") {
        return fmt::format(
            "transparent huge pages are turned off here. As root: echo madvise > {}{}/enabled",
            transparent, inherits ? "" : own_choice);
    }
    return std::nullopt;
}

std::optional<std::string> transparent_huge_page_lack() {
    if (::prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1) {
        return "transparent huge pages are turned off for this process (PR_SET_THP_DISABLE)";
    }
    return transparent_huge_page_lack(
        transparent_huge_pages(), choice_in(std::string(transparent) + own_choice + "/enabled"));
}

}  // namespace nestbed::vmm
