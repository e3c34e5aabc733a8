#include "vmm/memory/huge_pages.hpp"

#include <fmt/format.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <fstream>

#include "vmm/base/kernel_file.hpp"
#include "vmm/base/text.hpp"

namespace nestbed::vmm {

namespace {

namespace fs = std::filesystem;

constexpr char memory_management[] = "/sys/kernel/mm";
constexpr char pools[] = "/sys/kernel/mm/hugepages";
constexpr char transparent[] = "/sys/kernel/mm/transparent_hugepage";
constexpr char own_choice[] = "/hugepages-2048kB";
constexpr char sysfs_remedy[] = "If /sys is empty, as root: mount -t sysfs sysfs /sys";

fs::path below(const fs::path& root, std::string_view absolute) {
    return root / fs::path(absolute).relative_path();
}

/// True if this kernel tells of its huge pages at all: then what it does not tell of is not there.
bool tells(const fs::path& root) { return !entries_of(below(root, memory_management)).empty(); }

/// The choice in brackets: "madvise" of "always [madvise] never".
std::optional<std::string> choice_in(const fs::path& file) {
    const std::string choices = first_line(file).value_or("");
    const std::size_t open = choices.find('[');
    const std::size_t close = choices.find(']', open);
    return close == std::string::npos ? std::nullopt
                                      : std::optional(choices.substr(open + 1, close - open - 1));
}

}  // namespace

std::optional<std::vector<HugePages>> huge_page_pools(const fs::path& root) {
    if (!tells(root)) {
        return std::nullopt;
    }
    std::vector<HugePages> result;
    for (const fs::path& pool : entries_of(below(root, pools))) {
        std::uint64_t page_kib = 0;
        if (std::sscanf(pool.filename().c_str(), "hugepages-%" SCNu64, &page_kib) == 1) {
            result.push_back({page_kib, number_in(pool / "nr_hugepages"),
                              number_in(pool / "free_hugepages"),
                              number_in(pool / "resv_hugepages")});
        }
    }
    std::ranges::sort(result, {}, &HugePages::kib);
    return result;
}

std::optional<HugePages> huge_page_pool(std::uint64_t bytes) {
    const auto all = huge_page_pools().value_or(std::vector<HugePages>{});
    const auto found = std::ranges::find(all, bytes >> 10, &HugePages::kib);
    return found == all.end() ? std::nullopt : std::optional(*found);
}

std::uint64_t default_huge_page_kib() {
    std::ifstream stream("/proc/meminfo");
    for (std::string line; std::getline(stream, line);) {
        std::uint64_t page_kib = 0;
        if (std::sscanf(line.c_str(), "Hugepagesize: %" SCNu64, &page_kib) == 1) {
            return page_kib;
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
    if (!pool->total || !pool->free || !pool->reserved) {
        return fmt::format("how many pages of {} this host has is not known: {} has no numbers",
                           size_text(bytes), pools);
    }
    // Others may take or return pages between one counter and the next.
    const std::uint64_t available = *pool->free - std::min(*pool->reserved, *pool->free);
    if (available >= count) {
        return std::nullopt;
    }
    return fmt::format(
        "a VM needs {} of {} (and each VM beside it as many), {} can be had: {} in all, {} "
        "free, {} of these reserved. As root: {}",
        counted(count, "page"), size_text(bytes), available, *pool->total, *pool->free,
        *pool->reserved,
        huge_page_command(*pool, std::to_string(*pool->total + count - available)));
}

std::optional<std::string> huge_page_lack(std::uint64_t bytes, std::uint64_t count) {
    if (!tells("/")) {
        return fmt::format("whether this host has pages of {} is not known: {} cannot be read. {}",
                           size_text(bytes), pools, sysfs_remedy);
    }
    return huge_page_lack(huge_page_pool(bytes), bytes, count);
}

std::optional<std::string> transparent_huge_pages(const fs::path& root) {
    const fs::path folder = below(root, transparent);
    return tells(root) && !is_there(folder) ? "" : choice_in(folder / "enabled");
}

std::optional<std::string> transparent_huge_page_lack(std::optional<std::string_view> common,
                                                      std::string_view own) {
    const bool inherits = own.empty() || own == "inherit";
    if (inherits && !common) {
        return fmt::format(
            "whether this kernel has transparent huge pages is not known: {}/enabled does not "
            "tell. {}",
            transparent, sysfs_remedy);
    }
    const std::string_view choice = inherits ? *common : own;
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
    const auto own = choice_in(std::string(transparent) + own_choice + "/enabled");
    return transparent_huge_page_lack(transparent_huge_pages(), own.value_or(""));
}

}  // namespace nestbed::vmm
