// Running an experiment with a protocol: the interrupt handler and the static storage that go with
// it.
#pragma once

#include <optional>

#include "guest/harness/shootdown_experiment.hpp"
#include "guest/kernel/interrupts.hpp"
#include "guest/kernel/panic.hpp"
#include "guest/kernel/shootdown_platform.hpp"
#include "shared/shootdown/global.hpp"
#include "shared/shootdown/mailbox.hpp"
#include "shared/shootdown/protocol_names.hpp"
#include "shared/shootdown/scoreboard.hpp"

namespace nestbed::guest {

/// Runs one experiment with `Protocol<Platform>`; once per VM for each pair. All use one vector, so
/// no interrupt of the one before may be left over, which one initiator at a time guarantees.
template <template <typename> typename Protocol, typename Platform = GuestPlatform>
ExperimentCounts run_shootdowns(const ExperimentSettings& settings, stats::Histogram& latencies) {
    // Static: the interrupt handler needs to find the protocol, and both the protocol and the
    // experiment are larger than a stack. Constant-initialised: kernel mode may be interpreted, and
    // a scoreboard has thousands of cells.
    static constinit Platform platform;
    static constinit Protocol<Platform> protocol(platform);
    static std::optional<ShootdownExperiment<Protocol<Platform>>> experiment;
    set_interrupt_handler(shootdown_vector, [](TrapFrame&) { protocol.handle_interrupt(); });
    experiment.emplace(protocol, settings);
    return experiment->run(latencies);
}

/// The same with whichever of these protocols has the number.
template <template <typename> typename First, template <typename> typename... Others>
ExperimentCounts run_shootdowns_of(shootdown::ProtocolId protocol,
                                   const ExperimentSettings& settings,
                                   stats::Histogram& latencies) {
    if (First<GuestPlatform>::id == protocol) {
        return run_shootdowns<First>(settings, latencies);
    }
    if constexpr (sizeof...(Others) == 0) {
        panic("no protocol has this number");
    } else {
        return run_shootdowns_of<Others...>(protocol, settings, latencies);
    }
}

/// The same with the protocol of that number, on the guest's own platform.
inline ExperimentCounts run_shootdowns(shootdown::ProtocolId protocol,
                                       const ExperimentSettings& settings,
                                       stats::Histogram& latencies) {
    return run_shootdowns_of<shootdown::GlobalShootdown, shootdown::MailboxShootdown,
                             shootdown::OverlappedMailboxShootdown, shootdown::ScoreboardShootdown,
                             shootdown::EarlyAckShootdown>(protocol, settings, latencies);
}

}  // namespace nestbed::guest
