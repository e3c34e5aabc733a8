#include "vmm/render/json_provenance.hpp"

#include <nlohmann/json.hpp>

#include "vmm/render/json_or_null.hpp"

namespace nestbed::vmm {

namespace {

nlohmann::ordered_json mitigations_in(const CpuSettings& cpu) {
    if (!cpu.mitigations) {
        return nullptr;
    }
    auto result = nlohmann::ordered_json::object();
    for (const auto& [vulnerability, state] : *cpu.mitigations) {
        result[vulnerability] = json_or_null(state);
    }
    return result;
}

nlohmann::ordered_json order_in(const Provenance& provenance) {
    if (!provenance.order) {
        return nullptr;
    }
    return {{"order", provenance.order->name}, {"seed", json_or_null(provenance.order->seed)}};
}

}  // namespace

nlohmann::ordered_json json_of(const Provenance& provenance) {
    const CpuSettings& cpu = provenance.cpu;
    const CgroupLimits& cgroup = provenance.cgroup;
    const HostLoad& before = provenance.before;
    const HostLoad& after = provenance.after;
    return {{"time", provenance.time},
            {"nestbed",
             {{"version", NESTBED_VERSION}, {"revision", json_or_null(provenance.revision)}}},
            {"anonymous", provenance.anonymous},
            {"host_name", json_or_null(provenance.host_name)},
            {"kernel_version", json_or_null(provenance.kernel_version)},
            {"kernel_command_line", json_or_null(provenance.kernel_command_line)},
            {"microcode", json_or_null(cpu.microcode)},
            {"frequency_driver", json_or_null(cpu.frequency_driver)},
            {"governor", json_or_null(cpu.governor)},
            {"turbo", json_or_null(cpu.turbo)},
            {"smt", json_or_null(cpu.smt)},
            {"numa_nodes", json_or_null(cpu.numa_nodes)},
            {"mitigations", mitigations_in(cpu)},
            {"cgroup",
             {{"cpu_max", json_or_null(cgroup.cpu_max)},
              {"memory_max", json_or_null(cgroup.memory_max)},
              {"cpus", json_or_null(cgroup.cpus)}}},
            {"cores", json_or_null(provenance.cores)},
            {"sweep", order_in(provenance)},
            {"load",
             {{"before", json_or_null(before.runnable)},
              {"after", json_or_null(after.runnable)},
              {"stolen", json_or_null(stolen_between(before, after))}}}};
}

void make_anonymous(nlohmann::ordered_json& provenance) {
    provenance["anonymous"] = true;
    provenance["host_name"] = nullptr;
    provenance["kernel_command_line"] = nullptr;
}

}  // namespace nestbed::vmm
