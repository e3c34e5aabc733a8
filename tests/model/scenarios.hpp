// What CPUs do in the simulated machine while a protocol is tried: small scripts, in which every
// way to go wrong has its place.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shared/shootdown/invalidator.hpp"
#include "shared/shootdown/protocol_names.hpp"
#include "shared/shootdown/request.hpp"
#include "shared/shootdown/scoreboard.hpp"
#include "tests/model/machine.hpp"
#include "tests/model/mapped_tables.hpp"
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

/// Pays what a change of a space's tables owes.
using Payment = std::function<void(Protocol&, SimulatedSpace&, const paging::Invalidation&)>;

template <template <typename, typename> typename Invalidator>
Payment payment_by() {
    return [](Protocol& protocol, SimulatedSpace& space, const paging::Invalidation& owed) {
        Invalidator<Protocol, SimulatedSpace>(protocol, space)(owed);
    };
}

/// What is on trial: makes a fresh protocol and a fresh table of loaded spaces for each run.
struct Candidate {
    shootdown::ProtocolId id;
    std::function<std::unique_ptr<Protocol>(SimulatedPlatform&)> protocol;
    std::function<std::unique_ptr<SpaceTable>()> spaces;
    bool interrupts;  ///< its targets, by whichever kind of interrupt
    Payment pay = payment_by<shootdown::ShootdownInvalidator>();
    Flaws flaws{};
};

template <typename P>
concept Interrupts = requires(P& protocol) {
    protocol.handle_interrupt();
};
template <typename P>
concept SendsNmis = requires(P& protocol) {
    protocol.handle_nmi();
};

using RightSpaces = shootdown::ActiveSpaces<SimulatedSpace, max_cpus, SimulatedAtomic>;

template <typename P>
Candidate candidate(shootdown::ProtocolId id) {
    return {id,
            [](SimulatedPlatform& platform) { return std::make_unique<ProtocolOf<P>>(platform); },
            [] { return std::make_unique<SpaceTableOf<RightSpaces>>(); },
            Interrupts<P> || SendsNmis<P>};
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

/// A protocol that relies on all that it is told, over another way to pay.
template <template <typename, typename> typename Invalidator>
Candidate with_invalidator() {
    Candidate candidate =
        with_protocol<shootdown::EarlyAckShootdown>(shootdown::ProtocolId::early_ack);
    candidate.pay = payment_by<Invalidator>();
    return candidate;
}

struct Scenario;

/// The machine with two address spaces of one table each, every page mapped, and a protocol. Or the
/// first is the entry library's.
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
    void write(std::uint64_t page);

    // The same by the mapper of the first space, with its tokens.

    void remap(std::uint64_t page);
    /// Unmaps these pages with one shootdown, which takes everything if they are more than `most`.
    void unmap_together(const std::vector<std::uint64_t>& pages, std::uint64_t most);
    void forbid_writes(std::uint64_t page);
    /// Unmaps what is mapped in this range, and frees what is empty then.
    void unmap_range(std::uint64_t first, std::uint64_t pages);
    /// Of the large page.
    void split();
    void merge();

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
        Root root;
        std::uint64_t table = 0;
    };

    void map_first_space();
    /// Where the machine may do something else.
    void begin_operation();
    void pay(const paging::Invalidation& owed);
    /// Has `give_back(invalidator)` give back what a token owns.
    template <typename GiveBack>
    void pay_for(GiveBack&& give_back);

    Flaws flaws_;
    Payment pay_;
    std::optional<MappedTables> mapped_;
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
    bool mapped = false;   ///< the first space is the entry library's
};

const std::vector<Scenario>& scenarios();

/// More of them, in which a mapper changes the tables.
const std::vector<Scenario>& mapping_scenarios();

/// The first space, if it is mapped: pages 0 to 3, page 60, and a large page.
inline constexpr std::uint64_t distant_page = 60;
inline constexpr std::uint64_t large_page = 512;

}  // namespace nestbed::model
