#include "vmm/study/shootdown_runs.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

namespace nestbed::vmm {

namespace {

template <typename Id>
std::uint64_t number_of(Id id) {
    return static_cast<std::uint64_t>(id);
}

TestSettings settings_with(std::uint32_t cpus, const ShootdownSampling& sampling) {
    TestSettings settings;
    settings.cpus = cpus;
    settings.backing = sampling.backing;
    settings.timeout = sampling.timeout;
    settings.placement = sampling.placement;
    return settings;
}

}  // namespace

bool wants_hypercalls(const ShootdownCombination& combination) {
    return combination.routing == shootdown::Routing::hypercall ||
           combination.protocol == shootdown::ProtocolId::paravirtual;
}

std::vector<ShootdownCombination> combinations_of(const ShootdownAxes& axes) {
    std::vector<ShootdownCombination> all(1);
    // Each combination so far, once with each value of one more axis.
    const auto cross = [&](const auto& values, auto ShootdownCombination::*member) {
        std::vector<ShootdownCombination> crossed;
        for (ShootdownCombination combination : all) {
            for (const auto value : values) {
                using Member = std::remove_reference_t<decltype(combination.*member)>;
                combination.*member = static_cast<Member>(value);
                crossed.push_back(combination);
            }
        }
        all = std::move(crossed);
    };
    cross(axes.protocols, &ShootdownCombination::protocol);
    cross(axes.cpus, &ShootdownCombination::cpus);
    cross(axes.pages, &ShootdownCombination::pages);
    cross(axes.targets, &ShootdownCombination::target);
    cross(axes.routings, &ShootdownCombination::routing);
    cross(axes.flushes, &ShootdownCombination::flush);
    cross(axes.initiators, &ShootdownCombination::initiators);
    cross(axes.spaces, &ShootdownCombination::spaces);
    std::erase_if(all, [&](const ShootdownCombination& combination) {
        return combination.initiators == 1 && combination.spaces != axes.spaces.front();
    });
    for (ShootdownCombination& combination : all) {
        if (combination.initiators == 1) {
            combination.spaces = shootdown::InitiatorSpaces::same;
        }
    }
    return all;
}

TestSettings latency_settings(const ShootdownCombination& combination,
                              const ShootdownSampling& sampling) {
    TestSettings settings = settings_with(combination.cpus, sampling);
    settings.statistics = true;
    if (combination.target == shootdown::TargetState::descheduled) {
        settings.placement = Placement::one_cpu;
    }
    settings.parameters = {{"protocol", number_of(combination.protocol)},
                           {"pages", combination.pages},
                           {"target", number_of(combination.target)},
                           {"samples", sampling.samples},
                           {"routing", number_of(combination.routing)},
                           {"flush", number_of(combination.flush)},
                           {"threshold", sampling.threshold},
                           {"initiators", combination.initiators},
                           {"spaces", number_of(combination.spaces)},
                           {"phases", sampling.phases ? 1U : 0U}};
    return settings;
}

TestSettings soak_settings(const ShootdownCombination& combination,
                           const ShootdownSampling& sampling, std::chrono::seconds duration,
                           std::uint64_t seed) {
    TestSettings settings = settings_with(combination.cpus, sampling);
    settings.timeout = duration + sampling.timeout;
    settings.parameters = {{"protocol", number_of(combination.protocol)},
                           {"seconds", static_cast<std::uint64_t>(duration.count())},
                           {"seed", seed}};
    return settings;
}

TestSettings crossover_settings(shootdown::FlushPrimitive full_flush,
                                const ShootdownSampling& sampling) {
    TestSettings settings = settings_with(1, sampling);
    settings.parameters = {{"flush", number_of(full_flush)}, {"samples", sampling.samples}};
    return settings;
}

}  // namespace nestbed::vmm
