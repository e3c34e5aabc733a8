#include "vmm/host/free_memory.hpp"

#include <algorithm>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/base/kernel_file.hpp"
#include "vmm/base/text.hpp"

namespace nestbed::vmm {

namespace {

namespace fs = std::filesystem;

/// The number behind `key` in a file of lines like "MemAvailable:   24083192 kB".
std::optional<std::uint64_t> number_behind(const fs::path& file, std::string_view key) {
    std::ifstream stream(file);
    for (std::string line; std::getline(stream, line);) {
        if (line.starts_with(key)) {
            const auto digits = line.find_first_of("0123456789", key.size());
            const auto end = line.find_first_not_of("0123456789", digits);
            return digits == std::string::npos
                       ? std::nullopt
                       : whole_number(std::string_view(line).substr(digits, end - digits));
        }
    }
    return std::nullopt;
}

/// The names of a control group's files.
struct Hierarchy {
    std::string_view line;  ///< of /proc/self/cgroup, which names the group
    const char* folder;     ///< that it is in
    const char* limit;      ///< files
    const char* used;
    const char* unread_files;  ///< in memory.stat
};
constexpr Hierarchy unified{"0::", "sys/fs/cgroup", "memory.max", "memory.current",
                            "inactive_file "};
constexpr Hierarchy of_memory{":memory:", "sys/fs/cgroup/memory", "memory.limit_in_bytes",
                              "memory.usage_in_bytes", "total_inactive_file "};

/// What the older hierarchy says for none: the largest number of whole pages (PAGE_COUNTER_MAX).
constexpr std::uint64_t no_limit = std::uint64_t{0x7fff'ffff'ffff'f000};

/// The group of this process, with a slash in front; empty if it is in none that can be seen.
std::string group_in(const fs::path& root, const Hierarchy& hierarchy) {
    std::ifstream stream(root / "proc/self/cgroup");
    for (std::string line; std::getline(stream, line);) {
        const std::size_t at = line.find(hierarchy.line);
        if (at != std::string::npos && (at == 0) == (hierarchy.line == unified.line)) {
            return line.substr(at + hierarchy.line.size());
        }
    }
    return "";
}

std::optional<std::uint64_t> left_in(const fs::path& group, const Hierarchy& hierarchy) {
    const auto limit = number_in(group / hierarchy.limit);
    if (!limit || *limit >= no_limit) {
        return std::nullopt;  // "max" as well
    }
    const auto used = number_in(group / hierarchy.used);
    if (!used) {
        return std::nullopt;
    }
    const std::uint64_t unread =
        number_behind(group / "memory.stat", hierarchy.unread_files).value_or(0);
    const std::uint64_t taken = *used - std::min(*used, unread);
    return *limit - std::min(*limit, taken);
}

}  // namespace

std::optional<std::uint64_t> find_free_memory(const fs::path& root) {
    std::vector<std::uint64_t> known;
    if (const auto kib = number_behind(root / "proc/meminfo", "MemAvailable:")) {
        known.push_back(*kib << 10);
    }
    for (const Hierarchy& hierarchy : {unified, of_memory}) {
        // Also of a group that cannot be seen from here (a container's): what is on the top is its
        // own then.
        fs::path group = fs::path(group_in(root, hierarchy)).relative_path();
        while (true) {
            if (const auto left = left_in(root / hierarchy.folder / group, hierarchy)) {
                known.push_back(*left);
            }
            if (group.empty()) {
                break;
            }
            group = group.parent_path();
        }
    }
    return known.empty() ? std::nullopt : std::optional(std::ranges::min(known));
}

}  // namespace nestbed::vmm
