#include "vmm/kut/cpu_option.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <vector>

#include "vmm/base/error.hpp"
#include "vmm/base/text.hpp"
#include "vmm/base/values.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::size_t most_features = 500;

/// What is said of how a processor is checked or moved, which ours is not.
bool is_about_qemu_itself(std::string_view name) {
    constexpr std::array names{"migratable", "check", "enforce"};
    return std::ranges::find(names, name) != names.end();
}

std::uint32_t physical_bits(std::string_view text) {
    return static_cast<std::uint32_t>(parse_number("-cpu phys-bits", text, 32, 52));
}

std::string vendor(std::string_view text) {
    constexpr std::size_t characters = 12;
    const auto is_printable = [](char c) { return c >= ' ' && c <= '~'; };
    if (text.size() != characters || !std::ranges::all_of(text, is_printable)) {
        throw_error(ErrorKind::usage, "-cpu vendor={}: not {} characters, as in GenuineIntel",
                    printable(text), characters);
    }
    return std::string(text);
}

/// Features have hyphens in their names, and are asked for with underscores too.
std::string feature_name(std::string_view text) {
    std::string name(text);
    std::ranges::replace(name, '_', '-');
    return name;
}

void add_feature(CpuModel& cpu, const std::string& name, bool on) {
    if (name.empty() || cpu.features.size() == most_features) {
        throw_error(ErrorKind::usage, "-cpu: {}",
                    name.empty() ? "there is nothing between two commas, or behind a sign"
                                 : fmt::format("more than {} features", most_features));
    }
    cpu.features.push_back({name, on});
}

/// One of -cpu's properties: NAME, or NAME=VALUE.
void set_property(CpuModel& cpu, const std::string& name, std::string_view value) {
    if (name == "vendor") {
        cpu.vendor = vendor(value);
    } else if (name == "phys-bits") {
        cpu.physical_bits = physical_bits(value);
    } else if (name == "host-phys-bits") {
        cpu.host_physical_bits = parse_switch("-cpu host-phys-bits", value);
    } else if (name == "hv-passthrough") {
        cpu.hyperv = parse_switch("-cpu hv-passthrough", value);
    } else if (name.starts_with("hv-")) {
        throw_error(ErrorKind::usage,
                    "this machine has all of Hyper-V's interface (hv-passthrough)"
                    " or nothing, not {} alone",
                    printable(name));
    } else if (!is_about_qemu_itself(name)) {
        add_feature(cpu, name, parse_switch("-cpu " + name, value));
    }
}

void read_property(CpuModel& cpu, std::string_view text) {
    if (text.starts_with('+') || text.starts_with('-')) {
        return add_feature(cpu, feature_name(text.substr(1)), text.front() == '+');
    }
    const std::size_t equals = text.find('=');
    const std::string name = feature_name(text.substr(0, equals));
    set_property(cpu, name, equals == std::string_view::npos ? "on" : text.substr(equals + 1));
}

}  // namespace

bool parse_switch(std::string_view option, std::string_view value) {
    constexpr std::array on{"on", "yes", "true", "y"};
    constexpr std::array off{"off", "no", "false", "n"};
    const bool is_on = std::ranges::find(on, value) != on.end();
    if (!is_on && std::ranges::find(off, value) == off.end()) {
        throw_error(ErrorKind::usage, "{}={}: neither on nor off", printable(option),
                    printable(value));
    }
    return is_on;
}

CpuModel read_cpu_option(std::string_view value) {
    const std::vector<std::string_view> parts = split(value, ',');
    if (parts.front().empty()) {
        throw_error(ErrorKind::usage, "-cpu {}: there is no model before the first comma",
                    printable(value));
    }
    CpuModel cpu{.name = std::string(parts.front())};
    cpu.host_physical_bits = cpu.name == "max" || cpu.name == "host";
    for (const std::string_view part : std::span(parts).subspan(1)) {
        read_property(cpu, part);
    }
    return cpu;
}

}  // namespace nestbed::vmm
