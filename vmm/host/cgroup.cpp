#include "vmm/host/cgroup.hpp"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string_view>
#include <vector>

#include "vmm/base/kernel_file.hpp"
#include "vmm/base/text.hpp"

namespace nestbed::vmm {

namespace {

constexpr double unlimited = std::numeric_limits<double>::infinity();

/// This process's group and those above it, as far as they can be seen.
std::vector<std::filesystem::path> groups(const std::filesystem::path& root) {
    constexpr std::string_view unified = "0::/";
    std::ifstream stream(root / "proc/self/cgroup");
    std::string line;
    while (std::getline(stream, line) && !line.starts_with(unified)) {
    }
    const std::filesystem::path own = stream ? line.substr(unified.size()) : "..";
    // A group outside of this process's namespace of groups is "/../name", and cannot be seen.
    if (std::ranges::find(own, "..") != own.end()) {
        return {};
    }
    const std::filesystem::path top = root / "sys/fs/cgroup";
    std::vector<std::filesystem::path> found{top};
    for (const auto& name : own) {
        found.insert(found.begin(), found.front() / name);
    }
    return found;
}

/// A number, or infinity for "max".
std::optional<double> limit_in(std::string_view text) {
    const auto number = whole_number(text);
    return text == "max" ? std::optional(unlimited)
           : number      ? std::optional(static_cast<double>(*number))
                         : std::nullopt;
}

std::optional<double> cpu_limit_in(const std::string& line) {
    const std::vector<std::string_view> words = split(line, ' ');
    const auto quota = limit_in(words.front());
    const auto period = whole_number(words.back());
    const bool understood = words.size() == 2 && quota && period && *period != 0;
    return understood ? std::optional(*quota / static_cast<double>(*period)) : std::nullopt;
}

std::optional<double> memory_limit_in(const std::string& line) { return limit_in(line); }

/// One that is not understood might be the tightest, so that nothing is known then.
std::optional<std::string> tightest(const std::vector<std::filesystem::path>& groups,
                                    const char* file,
                                    std::optional<double> (*value_in)(const std::string&)) {
    std::optional<std::string> found;
    double least = unlimited;
    for (const auto& group : groups) {
        if (!is_there(group / file)) {
            continue;
        }
        const std::string line = first_line(group / file).value_or("");
        const auto value = value_in(line);
        if (!value) {
            return std::nullopt;
        }
        if (!found || *value < least) {
            found = line;
            least = *value;
        }
    }
    return found;
}

/// Those of an inner group are some of the outer one's.
std::optional<std::string> innermost_cpus(const std::vector<std::filesystem::path>& groups) {
    for (const auto& group : groups) {
        const auto file = group / "cpuset.cpus.effective";
        if (is_there(file)) {
            const auto cpus = first_line(file);
            const bool understood =
                cpus && cpus->find_first_not_of("0123456789,-") == std::string::npos;
            return understood ? cpus : std::nullopt;
        }
    }
    return std::nullopt;
}

}  // namespace

CgroupLimits find_cgroup_limits(const std::filesystem::path& root) {
    const std::vector<std::filesystem::path> all = groups(root);
    return {.cpu_max = tightest(all, "cpu.max", cpu_limit_in),
            .memory_max = tightest(all, "memory.max", memory_limit_in),
            .cpus = innermost_cpus(all)};
}

std::optional<double> cores_of(const std::string& cpu_max) {
    const auto cores = cpu_limit_in(cpu_max);
    return cores && *cores != unlimited ? cores : std::nullopt;
}

}  // namespace nestbed::vmm
