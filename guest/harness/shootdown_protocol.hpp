// Running an experiment with a protocol: the interrupt handler and the static storage that go with
// it.
#pragma once

#include <optional>

#include "guest/harness/shootdown_experiment.hpp"
#include "guest/kernel/interrupts.hpp"
#include "guest/kernel/shootdown_platform.hpp"
#include "shared/shootdown/global.hpp"

namespace nestbed::guest {

/// Runs one experiment with `Protocol<Platform>`; once per VM for each pair.
template <template <typename> typename Protocol, typename Platform = GuestPlatform>
ExperimentCounts run_shootdowns(const ExperimentSettings& settings, stats::Histogram& latencies) {
    // Static: the interrupt handler needs to find the protocol, and the experiment is larger than a
    // stack.
    static Platform platform;
    static Protocol<Platform> protocol(platform);
    static std::optional<ShootdownExperiment<Protocol<Platform>>> experiment;
    set_interrupt_handler(shootdown_vector, [](TrapFrame&) { protocol.handle_interrupt(); });
    experiment.emplace(protocol, settings);
    return experiment->run(latencies);
}

}  // namespace nestbed::guest
