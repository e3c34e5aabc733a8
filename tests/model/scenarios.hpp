// What CPUs do in the simulated machine while a protocol is tried: small scripts, in which every
// way to go wrong has its place.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "shared/shootdown/request.hpp"
#include "shared/shootdown/scoreboard.hpp"
#include "tests/model/machine.hpp"
#include "tests/model/platform.hpp"

namespace nestbed::model {

/// A protocol on the machine, of whichever type.
class Protocol {
  public:
    virtual ~Protocol() = default;
    virtual void shoot(SimulatedSpace& space, const shootdown::Request& request) = 0;
    virtual void handle_interrupt() = 0;
};

template <typename P>
class ProtocolOf : public Protocol {
  public:
    explicit ProtocolOf(SimulatedPlatform& platform) : protocol_(platform) {}
    void shoot(SimulatedSpace& space, const shootdown::Request& request) override {
        protocol_.shoot(space, request);
    }
    void handle_interrupt() override { protocol_.handle_interrupt(); }

  private:
    P protocol_;
};

/// What is on trial: makes a fresh protocol and a fresh table of loaded spaces for each run.
struct Candidate {
    std::function<std::unique_ptr<Protocol>(SimulatedPlatform&)> protocol;
    std::function<std::unique_ptr<SpaceTable>()> spaces;
    bool fence_before_interrupt = true;
};

using RightSpaces = shootdown::ActiveSpaces<SimulatedSpace, max_cpus, SimulatedAtomic>;

template <template <typename> typename P>
Candidate with_protocol() {
    return {[](SimulatedPlatform& platform) {
                return std::make_unique<ProtocolOf<P<SimulatedPlatform>>>(platform);
            },
            [] { return std::make_unique<SpaceTableOf<RightSpaces>>(); }};
}

/// The scoreboard protocol over another table of loaded spaces.
template <template <typename, std::uint32_t, template <typename> typename> typename S>
Candidate with_spaces() {
    Candidate candidate = with_protocol<shootdown::ScoreboardShootdown>();
    candidate.spaces = [] {
        return std::make_unique<SpaceTableOf<S<SimulatedSpace, max_cpus, SimulatedAtomic>>>();
    };
    return candidate;
}

/// The machine with two address spaces of one table each, every page mapped, and a protocol.
class World {
  public:
    World(Schedule& schedule, Habits habits, const Candidate& candidate);

    Machine machine;

    // What scripts are made of.

    void load(std::size_t space);
    void unload();
    /// Takes pages out of a space, shoots, and frees their frames.
    void unmap(std::size_t space, std::uint64_t first, std::uint64_t pages = 1);
    /// The same for all pages, with the table.
    void unmap_table(std::size_t space);
    void access(std::uint64_t page);

  private:
    struct Space {
        SimulatedSpace simulated;
        std::uint64_t table = 0;
    };

    std::unique_ptr<SpaceTable> spaces_;
    SimulatedPlatform platform_;
    std::unique_ptr<Protocol> protocol_;
    Space space_[2];
};

struct Scenario {
    using Script = std::function<void(World&)>;

    std::string name;
    std::vector<Script> cpus;  ///< what each does
};

const std::vector<Scenario>& scenarios();

}  // namespace nestbed::model
