#include "vmm/render/circumstances_text.hpp"

#include <fmt/format.h>

#include <optional>
#include <string_view>
#include <vector>

#include "vmm/base/kernel_file.hpp"
#include "vmm/base/table.hpp"
#include "vmm/base/text.hpp"

namespace nestbed::vmm {

namespace {

std::string setting_text(std::string_view name, const std::optional<std::string>& setting) {
    return fmt::format("{} {}", name, setting ? printable(*setting) : "not known");
}

std::string switch_text(std::string_view name, const std::optional<bool>& on) {
    return fmt::format("{} {}", name, !on ? "not known" : *on ? "on" : "off");
}

std::string nodes_text(const std::optional<std::uint64_t>& nodes) {
    return nodes ? counted(*nodes, "NUMA node") : "NUMA nodes not known";
}

/// Only those that limit something.
std::string limits_text(const CgroupLimits& cgroup) {
    std::vector<std::string> limits;
    if (const auto cores = cores_of(cgroup.cpu_max.value_or(""))) {
        limits.push_back(fmt::format("{:.2g} cores' time", *cores));
    }
    if (const auto bytes = whole_number(cgroup.memory_max.value_or(""))) {
        limits.push_back(fmt::format("{} MiB of memory", *bytes >> 20));
    }
    const bool all_known = cgroup.cpu_max && cgroup.memory_max;
    return !limits.empty() ? fmt::format("{}", fmt::join(limits, ", "))
           : all_known     ? "none"
                           : "not known";
}

}  // namespace

std::string circumstances_text(const Provenance& provenance, std::size_t width) {
    const CpuSettings& cpu = provenance.cpu;
    Table table = Table::of_facts();
    table.add_row({"microcode", cpu.microcode ? printable(*cpu.microcode) : "not known"});
    table.add_row({"frequency", fmt::format("{}, {}, {}", setting_text("governor", cpu.governor),
                                            setting_text("driver", cpu.frequency_driver),
                                            switch_text("turbo", cpu.turbo))});
    table.add_row({"topology",
                   fmt::format("{}, {}", switch_text("SMT", cpu.smt), nodes_text(cpu.numa_nodes))});
    table.add_row({"cgroup limits", limits_text(provenance.cgroup)});
    return "Processors\n" + table.text(2, width);
}

}  // namespace nestbed::vmm
