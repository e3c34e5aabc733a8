#include "vmm/study/dirty_log_runs.hpp"

namespace nestbed::vmm {

std::vector<DirtyLogCombination> combinations_of(const DirtyLogAxes& axes) {
    std::vector<DirtyLogCombination> all;
    for (const channel::DirtyLogKind log : axes.logs) {
        for (const std::uint64_t memory : axes.memory) {
            for (const std::uint64_t cpus : axes.cpus) {
                for (const chase::Pattern pattern : axes.patterns) {
                    all.push_back({log, memory, static_cast<std::uint32_t>(cpus), pattern});
                }
            }
        }
    }
    return all;
}

TestSettings dirty_log_settings(const DirtyLogCombination& combination,
                                const DirtyLogSampling& sampling) {
    TestSettings settings;
    settings.cpus = combination.cpus;
    settings.backing = sampling.backing;
    settings.test_memory.bytes = combination.memory;
    settings.dirty_logging.kind = combination.log;
    if (combination.log == channel::DirtyLogKind::ring) {
        settings.dirty_logging.ring_entries = static_cast<std::uint32_t>(sampling.ring_entries);
    } else {
        settings.dirty_logging.initially_set = sampling.initially_set ? 1 : 0;
    }
    settings.timeout = sampling.timeout;
    settings.placement = sampling.placement;
    settings.statistics = true;
    settings.parameters = {{"rounds", sampling.rounds},
                           {"pattern", static_cast<std::uint64_t>(combination.pattern)},
                           {"writes", sampling.writes}};
    return settings;
}

}  // namespace nestbed::vmm
