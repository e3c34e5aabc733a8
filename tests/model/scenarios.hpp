// What CPUs do in the simulated machine while a protocol is tried: small scripts, in which every
// way to go wrong has its place.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shared/shootdown/protocol_names.hpp"
#include "shared/shootdown/request.hpp"
#include "shared/shootdown/scoreboard.hpp"
#include "tests/model/machine.hpp"
#include "tests/model/platform.hpp"

namespace nestbed::model {

/// Whether what was asked for has been done everywhere.
using Passed = std::function<bool()>;

/// A protocol on the machine, of whichever type. What it does not have, it does not need.
class Protocol {
  public:
    virtual ~Protocol() = default;
    virtual void shoot(SimulatedSpace& space, const shootdown::Request& request) = 0;
    /// Shoots without waiting, if it can.
    virtual Passed post(SimulatedSpace& space, const shootdown::Request& request) = 0;
    virtual void handle_interrupt() = 0;
    virtual void handle_nmi() = 0;
    virtual bool ticks() const = 0;
    virtual void tick() = 0;
    virtual bool polls() const = 0;
    virtual void poll() = 0;
    virtual void loading(SimulatedSpace& space) = 0;
    virtual void enter_lazy() = 0;
    virtual void leave_lazy() = 0;
};

template <typename P>
class ProtocolOf : public Protocol {
  public:
    explicit ProtocolOf(SimulatedPlatform& platform) : protocol_(platform) {}
    void shoot(SimulatedSpace& space, const shootdown::Request& request) override {
        protocol_.shoot(space, request);
    }
    Passed post(SimulatedSpace& space, const shootdown::Request& request) override {
        if constexpr (requires { protocol_.post(space, request); }) {
            return [this, ticket = protocol_.post(space, request)] {
                return protocol_.passed(ticket);
            };
        } else {
            protocol_.shoot(space, request);
            return [] { return true; };
        }
    }
    void handle_interrupt() override {
        if constexpr (requires { protocol_.handle_interrupt(); }) {
            protocol_.handle_interrupt();
        }
    }
    void handle_nmi() override {
        if constexpr (requires { protocol_.handle_nmi(); }) {
            protocol_.handle_nmi();
        }
    }
    bool ticks() const override {
        return requires(P & protocol) { protocol.tick(); };
    }
    void tick() override {
        if constexpr (requires { protocol_.tick(); }) {
            protocol_.tick();
        }
    }
    bool polls() const override {
        return requires(P & protocol) { protocol.poll(); };
    }
    void poll() override {
        if constexpr (requires { protocol_.poll(); }) {
            protocol_.poll();
        }
    }
    void loading(SimulatedSpace& space) override {
        if constexpr (requires { protocol_.loading(space); }) {
            protocol_.loading(space);
        }
    }
    void enter_lazy() override {
        if constexpr (requires { protocol_.enter_lazy(); }) {
            protocol_.enter_lazy();
        }
    }
    void leave_lazy() override {
        if constexpr (requires { protocol_.leave_lazy(); }) {
            protocol_.leave_lazy();
        }
    }

  private:
    P protocol_;
};

/// What is on trial: makes a fresh protocol and a fresh table of loaded spaces for each run.
struct Candidate {
    shootdown::ProtocolId id;
    std::function<std::unique_ptr<Protocol>(SimulatedPlatform&)> protocol;
    std::function<std::unique_ptr<SpaceTable>()> spaces;
    bool interrupts;  ///< its targets, by whichever kind of interrupt
    Flaws flaws{};
};

using RightSpaces = shootdown::ActiveSpaces<SimulatedSpace, max_cpus, SimulatedAtomic>;

template <typename P>
Candidate candidate(shootdown::ProtocolId id) {
    return {id,
            [](SimulatedPlatform& platform) { return std::make_unique<ProtocolOf<P>>(platform); },
            [] { return std::make_unique<SpaceTableOf<RightSpaces>>(); },
            requires(P & protocol){protocol.handle_interrupt();
}
|| requires(P& protocol) { protocol.handle_nmi(); }
};  // namespace nestbed::model
}

template <template <typename> typename P>
Candidate with_protocol(shootdown::ProtocolId id) {
    return candidate<P<SimulatedPlatform>>(id);
}

/// The deferred protocol with rings of two records, which three requests fill.
template <template <typename, std::uint32_t> typename P>
Candidate with_two_records() {
    return candidate<P<SimulatedPlatform, 2>>(shootdown::ProtocolId::deferred);
}

/// The scoreboard protocol over another table of loaded spaces.
template <template <typename, std::uint32_t, template <typename> typename> typename S>
Candidate with_spaces() {
    Candidate candidate =
        with_protocol<shootdown::ScoreboardShootdown>(shootdown::ProtocolId::scoreboard);
    candidate.spaces = [] {
        return std::make_unique<SpaceTableOf<S<SimulatedSpace, max_cpus, SimulatedAtomic>>>();
    };
    return candidate;
}

struct Scenario;

/// The machine with two address spaces of one table each, every page mapped, and a protocol.
class World {
  public:
    World(Schedule& schedule, Habits habits, const Candidate& candidate, const Scenario& scenario);

    Machine machine;

    // What scripts are made of.

    void load(std::size_t space);
    void unload();
    /// Takes pages out of a space, shoots, and frees their frames.
    void unmap(std::size_t space, std::uint64_t first, std::uint64_t pages = 1);
    /// Takes a page out of a space, and goes on. Its frame is freed as soon as `reclaim` finds that
    /// nobody can reach it.
    void unmap_later(std::size_t space, std::uint64_t page);
    /// Frees what can be of what this CPU has unmapped, or all of it.
    void reclaim();
    void reclaim_all();
    /// The same for all pages, with the table.
    void unmap_table(std::size_t space);
    void access(std::uint64_t page);
    /// Between these two the CPU uses no user page.
    void enter_lazy();
    void leave_lazy();
    void disable_interrupts();
    void enable_interrupts();

  private:
    struct Held {
        std::uint64_t frame;
        Passed passed;
    };

    /// A script, and polling after it, for those who still wait for this CPU.
    void run_script(const std::function<void(World&)>& script);
    /// Each thing that a script does begins with it.
    void poll();
    /// Returns the frame that the entry had.
    std::uint64_t clear(std::size_t space, std::uint64_t page);

    struct Space {
        SimulatedSpace simulated;
        std::uint64_t table = 0;
    };

    Flaws flaws_;
    std::unique_ptr<SpaceTable> spaces_;
    SimulatedPlatform platform_;
    std::unique_ptr<Protocol> protocol_;
    Space space_[2];
    std::vector<Held> held_[max_cpus];  ///< frames that wait for `reclaim`, by CPU
    SimulatedAtomic<std::uint32_t> scripts_over_;
};

struct Scenario {
    using Script = std::function<void(World&)>;

    std::string name;
    std::vector<Script> cpus;  ///< what each does
    /// The protocol that it is for; none: all. It would show nothing of the others.
    std::optional<shootdown::ProtocolId> only{};
    CpuSet preemptible{};  ///< the CPUs that the hypervisor may deschedule
};

const std::vector<Scenario>& scenarios();

}  // namespace nestbed::model
