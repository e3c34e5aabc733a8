// measure shootdown --soak: random changes of the tables from all vCPUs, and what their readers
// saw.
#include "shared/channel/abi.hpp"
#include "shared/shootdown/protocol_names.hpp"
#include "vmm/result/measurements.hpp"
#include "vmm/study/study.hpp"

namespace nestbed::vmm {

namespace {

using shootdown::ProtocolId;

Derived count(const char* title, const char* parameter, const char* group) {
    return parameter_column(title, "shootdown", parameter, group);
}

std::vector<Derived> soak_counts() {
    constexpr char done[] = "operations";
    constexpr char seen[] = "seen by the readers";
    return {{.name = "seconds",
             .title = "seconds",
             .value = [](const StudyRun& run, const StudyRuns&) { return run.test.seconds; },
             .digits = 1},
            count("maps", "maps", done),
            count("remaps", "remaps", done),
            count("protects", "protects", done),
            count("unmaps", "unmaps", done),
            count("accesses", "accesses", seen),
            count("faults", "faults", seen),
            count("stale, legal", "stale_reads", seen),
            {.name = "violations",
             .title = "violations",
             .value =
                 [](const StudyRun& run, const StudyRuns&) {
                     const auto& proof = measurement_named(run.test, "shootdown")->proof;
                     return static_cast<double>(proof ? proof->violations : 0);
                 },
             .digits = 0,
             .group = seen}};
}

std::vector<Axis> soak_axes() {
    constexpr std::uint64_t a_day = 86'400;
    return with_vm_axes(
        {name_axis<ProtocolId>("protocol", "Shootdown protocols", {ProtocolId::global},
                               Axis::shown),
         cpus_axis("vCPUs", 2, channel::max_cpus, {2}, Axis::shown | Axis::host_only),
         number_axis("soak",
                     "Instead of latencies: random map, remap, protect and unmap from all vCPUs "
                     "for so many seconds, for each protocol and number of vCPUs",
                     1, a_day, {}, Axis::host_only),
         number_axis("seed", "Of the soak's random choices", 0, ~std::uint64_t{0}, {1},
                     Axis::effort)});
}

}  // namespace

Study soak_study() {
    return {
        .name = "shootdown",
        .summary = "Random changes of the tables, and what their readers saw",
        .guest = "measure_shootdown",
        .test = "soak",
        .selector = "soak",
        .axes = soak_axes(),
        .measured = {{"shootdown"}},
        .derived = soak_counts(),
        .shows_distributions = false,
        .adds_up = {"maps", "remaps", "protects", "unmaps", "accesses", "faults", "stale_reads"},
        .shows_failed = true,
        .configure =
            [](const Point& point, TestSettings& settings) {
                // After so long it should end by itself.
                settings.parameters.emplace_back("seconds", point["soak"]);
                settings.timeout = std::chrono::seconds(point["soak"]) +
                                   std::chrono::milliseconds(point["timeout"]);
            },
    };
}

}  // namespace nestbed::vmm
