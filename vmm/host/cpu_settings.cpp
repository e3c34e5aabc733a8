#include "vmm/host/cpu_settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "vmm/base/kernel_file.hpp"
#include "vmm/host/cpuinfo.hpp"

namespace nestbed::vmm {

namespace {

/// Where Documentation/ABI/testing/sysfs-devices-system-cpu has it.
std::filesystem::path cpu_folder(const std::filesystem::path& root) {
    return root / "sys/devices/system/cpu";
}

/// Of all of them together; nothing if there are none.
std::optional<std::string> common_value(const std::vector<std::string>& values) {
    if (values.empty()) {
        return std::nullopt;
    }
    const bool alike = std::ranges::count(values, values.front()) == std::ssize(values);
    return alike ? values.front() : "mixed";
}

/// What a cpufreq file says on all cores; nothing if one of them does not tell.
std::optional<std::string> frequency_setting(const std::filesystem::path& root,
                                             std::span<const std::uint32_t> cores,
                                             const char* file) {
    std::vector<std::string> values;
    for (const std::uint32_t core : cores) {
        const auto value =
            first_line(cpu_folder(root) / fmt::format("cpu{}", core) / "cpufreq" / file);
        if (!value) {
            return std::nullopt;
        }
        values.push_back(*value);
    }
    return common_value(values);
}

/// intel_pstate says what is off, the others what is on.
std::optional<bool> find_turbo(const std::filesystem::path& root) {
    const std::filesystem::path no_turbo = cpu_folder(root) / "intel_pstate/no_turbo";
    if (first_line(no_turbo)) {
        const auto off = flag_in(no_turbo);
        return off ? std::optional(!*off) : std::nullopt;
    }
    return flag_in(cpu_folder(root) / "cpufreq/boost");
}

std::optional<std::uint64_t> count_numa_nodes(const std::filesystem::path& root) {
    constexpr std::string_view prefix = "node";
    std::uint64_t count = 0;
    for (const auto& entry : entries_of(root / "sys/devices/system/node")) {
        const std::string name = entry.filename();
        count += name.starts_with(prefix) && whole_number(name.substr(prefix.size())) ? 1 : 0;
    }
    return count == 0 ? std::nullopt : std::optional(count);
}

std::optional<std::map<std::string, std::optional<std::string>>> find_mitigations(
    const std::filesystem::path& root) {
    std::map<std::string, std::optional<std::string>> all;
    for (const auto& vulnerability : entries_of(cpu_folder(root) / "vulnerabilities")) {
        all[vulnerability.filename()] = first_line(vulnerability);
    }
    return all.empty() ? std::nullopt : std::optional(all);
}

}  // namespace

CpuSettings find_cpu_settings(const std::filesystem::path& root,
                              std::span<const std::uint32_t> cores) {
    return {.microcode = common_value(cpuinfo_values(root, "microcode")),
            .frequency_driver = frequency_setting(root, cores, "scaling_driver"),
            .governor = frequency_setting(root, cores, "scaling_governor"),
            .turbo = find_turbo(root),
            .smt = flag_in(cpu_folder(root) / "smt/active"),
            .numa_nodes = count_numa_nodes(root),
            .mitigations = find_mitigations(root)};
}

}  // namespace nestbed::vmm
