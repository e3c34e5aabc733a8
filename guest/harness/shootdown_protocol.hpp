// Running an experiment with a protocol: the interrupt handlers and the static storage that go with
// it.
#pragma once

#include <concepts>
#include <optional>

#include "guest/harness/shootdown_experiment.hpp"
#include "guest/harness/test.hpp"
#include "guest/kernel/interrupts.hpp"
#include "shared/arch/exceptions.hpp"
#include "shared/shootdown/protocols.hpp"

namespace nestbed::guest {

/// A protocol on its platform, and what the interrupt vectors and waiting CPUs call of it. Static:
/// handlers need to find it, and it is larger than a stack. Constant-initialised: kernel mode may
/// be interpreted, and a board has thousands of cells.
template <template <typename> typename Protocol, typename Platform>
struct Installed {
    static constinit inline Platform platform{};
    static constinit inline Protocol<Platform> protocol{platform};

    static constexpr bool is_polled = requires { protocol.poll(); };
    static constexpr bool has_lazy_mode = requires { protocol.enter_lazy(); };

    static void set_handlers() {
        set_bare_interrupt_handler();
        if constexpr (requires { protocol.handle_interrupt(); }) {
            set_interrupt_handler(shootdown_vector, [](TrapFrame&) {
                platform.in_handler([] { protocol.handle_interrupt(); });
            });
        }
        if constexpr (requires { protocol.handle_nmi(); }) {
            set_interrupt_handler(static_cast<std::uint8_t>(arch::Exception::nmi), [](TrapFrame&) {
                platform.in_handler([] { protocol.handle_nmi(); });
            });
        }
        if constexpr (needs_ticks<Protocol<Platform>>) {
            set_interrupt_handler(tick_vector, [](TrapFrame&) {
                protocol.tick();
                start_next_tick();
            });
        }
    }

    static TargetHooks hooks() {
        TargetHooks hooks{[] {}, [] {}, [] {}};
        if constexpr (is_polled) {
            hooks.poll = [] {
                answer_bare_message();
                protocol.poll();
            };
        }
        if constexpr (has_lazy_mode) {
            hooks.enter_lazy = [] { protocol.enter_lazy(); };
            hooks.leave_lazy = [] { protocol.leave_lazy(); };
        }
        return hooks;
    }
};

/// Why an experiment cannot be run here, or null.
template <template <typename> typename Protocol>
ConstantString obstacle_to(const ExperimentSettings& settings) {
    using P = Installed<Protocol, TracedPlatform>;
    if (P::is_polled && !polls(settings.target)) {
        return "a target in this state does not poll";
    }
    constexpr bool is_paravirtual =
        std::same_as<decltype(P::protocol), shootdown::ParavirtualShootdown<TracedPlatform>>;
    if (is_paravirtual && !steal_time::offers_tlb_flush()) {
        return "KVM offers no flush of vCPUs that do not run";
    }
    constexpr bool uses_routing = requires { P::protocol.handle_interrupt(); };
    if (settings.routing != Routing::unicast && !uses_routing) {
        return "the protocol sends no interrupts that could be routed: none, or NMIs one by one";
    }
    if (settings.routing == Routing::hypercall &&
        (!settings.hypercalls || !hypercall::offers_interrupts())) {
        return settings.hypercalls ? ConstantString("KVM offers no IPI by hypercall")
                                   : "hypercalls do not come back on this host";
    }
    if (!has(settings.flush_policy.primitive)) {
        return "the vCPU has no INVPCID";
    }
    const bool disjoint = settings.spaces == InitiatorSpaces::disjoint;
    if (settings.cpus < settings.initiators * (disjoint ? 2 : 1) || settings.cpus < 2) {
        return "too few vCPUs for each initiator to have a target";
    }
    return nullptr;
}

/// Ends the test as skipped if there is an obstacle.
inline void skip_if(ConstantString obstacle) {
    if (obstacle) {
        skip(obstacle);
        finish_test();
    }
}

/// Runs one experiment with `Protocol<Platform>`; once per VM for each pair. All use the same
/// vectors, so no interrupt of the one before may be left over.
template <template <typename> typename Protocol, typename Platform = TracedPlatform>
ExperimentCounts run_shootdowns(const ExperimentSettings& settings,
                                ExperimentHistograms& histograms) {
    using P = Installed<Protocol, Platform>;
    skip_if(obstacle_to<Protocol>(settings));
    static std::optional<ShootdownExperiment<Protocol<Platform>>> experiment;
    P::set_handlers();
    experiment.emplace(P::protocol, P::platform, P::hooks(), settings, histograms);
    return experiment->run();
}

/// Runs one experiment with the protocol of that number.
inline ExperimentCounts run_shootdowns(shootdown::ProtocolId protocol,
                                       const ExperimentSettings& settings,
                                       ExperimentHistograms& histograms) {
    return shootdown::with_protocol(protocol, [&]<template <typename> typename Protocol>() {
        return run_shootdowns<Protocol>(settings, histograms);
    });
}

}  // namespace nestbed::guest
