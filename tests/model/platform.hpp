// The shootdown platform of the simulated machine.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "shared/paging/invalidation.hpp"
#include "shared/shootdown/active_spaces.hpp"
#include "shared/shootdown/generation.hpp"
#include "shared/shootdown/nmi.hpp"
#include "shared/shootdown/paravirtual.hpp"
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
    T fetch_add(T more, std::memory_order = std::memory_order_seq_cst) {
        return modify([&](T now) { return static_cast<T>(now + more); });
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
    bool compare_exchange_strong(T& expected, T desired,
                                 std::memory_order = std::memory_order_seq_cst) {
        const T found = modify([&](T now) { return now == expected ? desired : now; });
        return std::exchange(expected, found) == found;
    }

    /// The memory that it is in.
    Cell& cell() { return cell_; }

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
    const PagingStructures* root = nullptr;
    std::optional<paging::AddressSpaceId> name;  ///< if a mapper has the structures
    shootdown::BasicAtomicCpuSet<SimulatedAtomic> active;
    SimulatedAtomic<std::uint64_t> tlb_generation;

    shootdown::BasicAtomicCpuSet<SimulatedAtomic>& active_set() { return active; }
    paging::AddressSpaceId id() const { return name.value(); }
};

inline constexpr std::uint32_t max_cpus = 4;

/// Which space each CPU has loaded: an ActiveSpaces, of whichever kind. `write_cr3` is called where
/// CR3 is to be loaded, and loads it.
class SpaceTable {
  public:
    virtual ~SpaceTable() = default;
    /// For the calling CPU, with interrupts off.
    virtual void load(SimulatedSpace& space, const std::function<void()>& write_cr3) = 0;
    virtual void unload() = 0;
    virtual SimulatedSpace* current() const = 0;
};

template <typename Spaces>
class SpaceTableOf : public SpaceTable {
  public:
    void load(SimulatedSpace& space, const std::function<void()>& write_cr3) override {
        spaces_.load(Machine::current().cpu(), space, write_cr3);
    }
    void unload() override {
        Machine& machine = Machine::current();
        spaces_.unload(machine.cpu(), [&] { machine.load_cr3(nullptr); });
    }
    SimulatedSpace* current() const override { return spaces_.current(Machine::current().cpu()); }

  private:
    Spaces spaces_;
};

/// What the surroundings of a protocol may get wrong, in spite of what it asks of them.
struct Flaws {
    /// An interrupt is sent while earlier stores wait in the buffer.
    bool interrupt_overtakes_stores = false;
    /// `loading` is called after CR3 is loaded.
    bool loading_after_cr3 = false;
    /// Frames and tables are given back before what is stale is invalidated.
    bool given_back_first = false;
};

struct SimulatedPlatform {
    using Space = SimulatedSpace;
    template <typename T>
    using Atomic = SimulatedAtomic<T>;

    static constexpr std::uint32_t max_cpus = model::max_cpus;

    const SpaceTable& spaces;
    /// What a platform may get wrong.
    const Flaws& flaws;
    SimulatedAtomic<std::uint8_t> preempted_bytes[max_cpus];

    std::uint32_t cpu_count() const { return Machine::current().cpu_count(); }
    void fence() const { Machine::current().fence(); }

    std::uint32_t current_cpu() const { return Machine::current().cpu(); }
    CpuSet active_cpus(const SimulatedSpace& space) const { return space.active.load(); }
    void send_interrupt(CpuSet targets) const {
        if (!flaws.interrupt_overtakes_stores) {
            Machine::current().fence();
        }
        Machine::current().send_interrupt(targets);
    }
    void send_nmi(CpuSet targets) const {
        if (!flaws.interrupt_overtakes_stores) {
            Machine::current().fence();
        }
        Machine::current().send_nmi(targets);
    }
    void invalidate(const SimulatedSpace& space, const shootdown::Request& request) const {
        if (spaces.current() == &space) {
            invalidate_always(request);
        }
    }
    void invalidate_always(const shootdown::Request& request) const {
        Machine& machine = Machine::current();
        if (request.everything) {
            machine.flush_tlb();
        } else {
            request.pages.for_each(
                [&](paging::VirtAddr address) { machine.invalidate_page(address.raw() / 4096); });
        }
    }
    void pause() const { Machine::current().pause(); }

    SimulatedAtomic<std::uint64_t>& tlb_generation(SimulatedSpace& space) const {
        return space.tlb_generation;
    }
    SimulatedAtomic<std::uint8_t>& preempted(std::uint32_t cpu) { return preempted_bytes[cpu]; }
    /// The schedule decides by itself who runs.
    void yield_to(std::uint32_t) const {}
};
static_assert(shootdown::GenerationPlatform<SimulatedPlatform>);
static_assert(shootdown::ParavirtualPlatform<SimulatedPlatform>);
static_assert(shootdown::NmiPlatform<SimulatedPlatform>);

}  // namespace nestbed::model
