// The host's huge pages: the pools of hugetlbfs, and transparent ones.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nestbed::vmm {

/// The pool of one size (/sys/kernel/mm/hugepages). A counter that cannot be read is nothing.
struct HugePages {
    std::uint64_t kib;  ///< size of one
    std::optional<std::uint64_t> total;
    std::optional<std::uint64_t> free;      ///< the reserved ones included
    std::optional<std::uint64_t> reserved;  ///< promised to mappings that have not touched them yet

    bool operator==(const HugePages&) const = default;
};

/// All pools, smallest pages first: none if the kernel has no hugetlbfs, nothing if it does not
/// tell.
std::optional<std::vector<HugePages>> huge_page_pools(const std::filesystem::path& root = "/");

/// The pool of pages of `bytes`; nothing if processor or kernel have no such pages, or do not tell.
std::optional<HugePages> huge_page_pool(std::uint64_t bytes);

/// The size that `sysctl vm.nr_hugepages` is about, in KiB; 0 if unknown.
std::uint64_t default_huge_page_kib();

/// The command, for root, that gives `pool` so many pages in all.
std::string huge_page_command(const HugePages& pool, std::string_view count,
                              std::uint64_t default_kib = default_huge_page_kib());

/// Why `count` pages of `bytes` each are not to be had, and what to do; nothing if `pool` has them.
std::optional<std::string> huge_page_lack(const std::optional<HugePages>& pool, std::uint64_t bytes,
                                          std::uint64_t count);
/// The same of this host.
std::optional<std::string> huge_page_lack(std::uint64_t bytes, std::uint64_t count);

/// "always", "madvise" or "never" (/sys/kernel/mm/transparent_hugepage/enabled); empty if this
/// kernel has none, nothing if it does not tell.
std::optional<std::string> transparent_huge_pages(const std::filesystem::path& root = "/");

/// Why memory that asks for transparent huge pages gets none, and what to do; nothing if it may get
/// some. `common` is transparent_huge_pages(); `own` is that of 2 MiB pages by themselves, which
/// has the last word (Linux 6.8), and empty before that.
std::optional<std::string> transparent_huge_page_lack(std::optional<std::string_view> common,
                                                      std::string_view own);
/// The same of this host and this process.
std::optional<std::string> transparent_huge_page_lack();

}  // namespace nestbed::vmm
