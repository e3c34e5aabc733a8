#include "vmm/study/walk_runs.hpp"

namespace nestbed::vmm {

std::vector<WalkCombination> combinations_of(const WalkAxes& axes) {
    std::vector<WalkCombination> all;
    for (const std::uint64_t cpus : axes.cpus) {
        for (const chase::Pattern pattern : axes.patterns) {
            for (const paging::PageSize leaf : axes.leaves) {
                for (const Backing backing : axes.backings) {
                    for (const std::uint64_t working_set : axes.working_sets) {
                        all.push_back({leaf, backing, working_set, pattern,
                                       static_cast<std::uint32_t>(cpus)});
                    }
                }
            }
        }
    }
    return all;
}

TestSettings walk_settings(const WalkCombination& combination, const WalkSampling& sampling) {
    TestSettings settings;
    settings.cpus = combination.cpus;
    settings.backing = {.kind = combination.backing, .prefault = sampling.prefault};
    settings.test_memory = {.bytes = combination.working_set, .leaf = combination.guest_leaf};
    settings.timeout = sampling.timeout;
    settings.placement = sampling.placement;
    settings.statistics = true;
    settings.parameters = {{"pages", combination.pages()},
                           {"pattern", static_cast<std::uint64_t>(combination.pattern)},
                           {"samples", sampling.samples},
                           {"accesses", sampling.accesses},
                           {"seed", sampling.seed}};
    return settings;
}

}  // namespace nestbed::vmm
