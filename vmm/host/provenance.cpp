#include "vmm/host/provenance.hpp"

#include <fmt/chrono.h>
#include <sys/utsname.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "vmm/machine/host_cpus.hpp"

namespace nestbed::vmm {

namespace {

namespace fs = std::filesystem;

std::optional<std::string> line_of(const fs::path& path) {
    std::ifstream stream(path);
    std::string line;
    if (!std::getline(stream, line)) {
        return std::nullopt;
    }
    return line;
}

std::optional<std::string> microcode() {
    std::ifstream stream("/proc/cpuinfo");
    for (std::string line; std::getline(stream, line);) {
        if (line.starts_with("microcode") && line.find(": ") != std::string::npos) {
            return line.substr(line.find(": ") + 2);
        }
    }
    return std::nullopt;
}

/// intel_pstate says what is off, cpufreq what is on.
std::optional<bool> turbo() {
    const fs::path cpu = "/sys/devices/system/cpu";
    if (const auto off = line_of(cpu / "intel_pstate/no_turbo")) {
        return *off == "0";
    }
    if (const auto on = line_of(cpu / "cpufreq/boost")) {
        return *on == "1";
    }
    return std::nullopt;
}

std::optional<bool> smt() {
    const auto active = line_of("/sys/devices/system/cpu/smt/active");
    return active ? std::optional(*active == "1") : std::nullopt;
}

std::optional<std::uint64_t> numa_nodes() {
    std::error_code none;
    std::uint64_t count = 0;
    for (const auto& entry : fs::directory_iterator("/sys/devices/system/node", none)) {
        const std::string name = entry.path().filename();
        count +=
            name.starts_with("node") && name.find_first_not_of("0123456789", 4) == std::string::npos
                ? 1
                : 0;
    }
    return count == 0 ? std::nullopt : std::optional(count);
}

std::map<std::string, std::string> mitigations() {
    std::map<std::string, std::string> all;
    std::error_code none;
    for (const auto& entry :
         fs::directory_iterator("/sys/devices/system/cpu/vulnerabilities", none)) {
        if (const auto state = line_of(entry.path())) {
            all[entry.path().filename()] = *state;
        }
    }
    return all;
}

/// From this process's group upwards, the first that has the file.
std::optional<std::string> cgroup_says(const std::string& file) {
    constexpr std::string_view unified = "0::";
    std::ifstream stream("/proc/self/cgroup");
    for (std::string line; std::getline(stream, line);) {
        if (!line.starts_with(unified)) {
            continue;
        }
        for (fs::path group = line.substr(unified.size());; group = group.parent_path()) {
            if (auto said = line_of(fs::path("/sys/fs/cgroup") / group.relative_path() / file)) {
                return said;
            }
            if (group == group.parent_path()) {
                break;
            }
        }
    }
    return std::nullopt;
}

}  // namespace

Provenance find_provenance(bool anonymous) {
    Provenance found;
    found.time = fmt::format(
        "{:%Y-%m-%dT%H:%M:%SZ}",
        fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
    utsname system{};
    if (::uname(&system) == 0) {
        found.kernel_version = system.version;
        found.host_name = anonymous ? std::nullopt : std::optional<std::string>(system.nodename);
    }
    const fs::path frequency = "/sys/devices/system/cpu/cpu0/cpufreq";
    found.kernel_command_line = line_of("/proc/cmdline");
    found.microcode = microcode();
    found.frequency_driver = line_of(frequency / "scaling_driver");
    found.governor = line_of(frequency / "scaling_governor");
    found.turbo = turbo();
    found.smt = smt();
    found.numa_nodes = numa_nodes();
    found.mitigations = mitigations();
    found.cgroup = {cgroup_says("cpu.max"), cgroup_says("memory.max"),
                    cgroup_says("cpuset.cpus.effective")};
    found.cores = usable_host_cpus();
    return found;
}

HostLoad find_load() {
    HostLoad load;
    if (const auto line = line_of("/proc/loadavg")) {
        std::istringstream stream(*line);
        double mean = 0;
        load.runnable = stream >> mean ? std::optional(mean) : std::nullopt;
    }
    // "cpu  user nice system idle iowait irq softirq steal guest guest_nice": guests' time is in
    // user and nice already.
    if (const auto line = line_of("/proc/stat")) {
        std::istringstream stream(*line);
        std::string cpu;
        stream >> cpu;
        constexpr int steal_field = 7;
        std::uint64_t total = 0;
        std::uint64_t ticks = 0;
        for (int field = 0; field <= steal_field && stream >> ticks; ++field) {
            total += ticks;
            if (field == steal_field) {
                load.steal = ticks;
                load.total = total;
            }
        }
    }
    return load;
}

std::optional<double> stolen_between(const HostLoad& before, const HostLoad& after) {
    if (!before.total || !after.total || *after.total <= *before.total ||
        *after.steal < *before.steal) {
        return std::nullopt;
    }
    return static_cast<double>(*after.steal - *before.steal) /
           static_cast<double>(*after.total - *before.total);
}

}  // namespace nestbed::vmm
