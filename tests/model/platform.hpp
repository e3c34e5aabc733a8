// The shootdown platform of the simulated machine.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

#include "shared/shootdown/active_spaces.hpp"
#include "shared/shootdown/platform.hpp"
#include "tests/model/machine.hpp"

namespace nestbed::model {

/// What std::atomic is on a real machine. On x86 every load is an acquire and every store a
/// release; a sequentially consistent store is a locked instruction.
template <typename T>
class SimulatedAtomic {
  public:
    SimulatedAtomic() : SimulatedAtomic(T{}) {}
    SimulatedAtomic(T value) : cell_{to_bits(value)} {}
    SimulatedAtomic(const SimulatedAtomic&) = delete;
    SimulatedAtomic& operator=(const SimulatedAtomic&) = delete;

    T load(std::memory_order = std::memory_order_seq_cst) const {
        return from_bits(Machine::current().load(cell_));
    }
    void store(T value, std::memory_order order = std::memory_order_seq_cst) {
        if (order == std::memory_order_seq_cst) {
            exchange(value);
        } else {
            Machine::current().store(cell_, to_bits(value));
        }
    }
    T exchange(T value, std::memory_order = std::memory_order_seq_cst) {
        return modify([&](T) { return value; });
    }
    T fetch_sub(T less, std::memory_order = std::memory_order_seq_cst) {
        return modify([&](T now) { return static_cast<T>(now - less); });
    }
    T fetch_or(T bits, std::memory_order = std::memory_order_seq_cst) {
        return modify([&](T now) { return static_cast<T>(now | bits); });
    }
    T fetch_and(T bits, std::memory_order = std::memory_order_seq_cst) {
        return modify([&](T now) { return static_cast<T>(now & bits); });
    }

  private:
    static std::uint64_t to_bits(T value) {
        if constexpr (std::is_pointer_v<T>) {
            return reinterpret_cast<std::uint64_t>(value);
        } else {
            return static_cast<std::uint64_t>(value);
        }
    }
    static T from_bits(std::uint64_t bits) {
        if constexpr (std::is_pointer_v<T>) {
            return reinterpret_cast<T>(bits);
        } else {
            return static_cast<T>(bits);
        }
    }
    template <typename Change>
    T modify(Change&& change) {
        return from_bits(Machine::current().modify(
            cell_, [&](std::uint64_t now) { return to_bits(change(from_bits(now))); }));
    }

    Cell cell_;
};

/// An address space of the simulated machine.
struct SimulatedSpace {
    Root root;
    shootdown::BasicAtomicCpuSet<SimulatedAtomic> active;

    shootdown::BasicAtomicCpuSet<SimulatedAtomic>& active_set() { return active; }
};

inline constexpr std::uint32_t max_cpus = 4;

/// Which space each CPU has loaded: an ActiveSpaces, of whichever kind.
class SpaceTable {
  public:
    virtual ~SpaceTable() = default;
    /// For the calling CPU, with interrupts off.
    virtual void load(SimulatedSpace& space) = 0;
    virtual void unload() = 0;
    virtual SimulatedSpace* current() const = 0;
};

template <typename Spaces>
class SpaceTableOf : public SpaceTable {
  public:
    void load(SimulatedSpace& space) override {
        Machine& machine = Machine::current();
        spaces_.load(machine.cpu(), space, [&] { machine.load_cr3(&space.root); });
    }
    void unload() override {
        Machine& machine = Machine::current();
        spaces_.unload(machine.cpu(), [&] { machine.load_cr3(nullptr); });
    }
    SimulatedSpace* current() const override { return spaces_.current(Machine::current().cpu()); }

  private:
    Spaces spaces_;
};

struct SimulatedPlatform {
    using Space = SimulatedSpace;
    template <typename T>
    using Atomic = SimulatedAtomic<T>;

    static constexpr std::uint32_t max_cpus = model::max_cpus;

    const SpaceTable& spaces;
    /// Whether earlier stores are visible before an interrupt is sent, as the concept demands.
    bool fence_before_interrupt;

    std::uint32_t cpu_count() const { return Machine::current().cpu_count(); }
    void fence() const { Machine::current().fence(); }

    std::uint32_t current_cpu() const { return Machine::current().cpu(); }
    CpuSet active_cpus(const SimulatedSpace& space) const { return space.active.load(); }
    void send_interrupt(CpuSet targets) const {
        if (fence_before_interrupt) {
            Machine::current().fence();
        }
        Machine::current().send_interrupt(targets);
    }
    void invalidate(const SimulatedSpace& space, const shootdown::Request& request) const {
        Machine& machine = Machine::current();
        if (spaces.current() != &space) {
            return;
        }
        if (request.everything) {
            machine.flush_tlb();
        } else {
            request.pages.for_each(
                [&](paging::VirtAddr address) { machine.invalidate_page(address.raw() / 4096); });
        }
    }
    void pause() const { Machine::current().pause(); }
};
static_assert(shootdown::Platform<SimulatedPlatform>);

}  // namespace nestbed::model
