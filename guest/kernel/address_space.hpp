// An address space: page tables of its own below the kernel's shared half, and the set of CPUs that
// have it loaded.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>

#include "guest/kernel/cpu.hpp"
#include "guest/kernel/frames.hpp"
#include "guest/kernel/instructions.hpp"
#include "shared/channel/abi.hpp"
#include "shared/paging/mapper.hpp"
#include "shared/shootdown/active_spaces.hpp"
#include "shared/shootdown/cpu_set.hpp"

namespace nestbed::guest {

class AddressSpace;

/// Loads CR3 on the calling CPU, and says so before and after, for a diagnosis.
inline void load_root(paging::Frame4k root) {
    channel::CpuMarks& marks = this_cpu().marks;
    const std::uint64_t address = root.address().raw();
    // Nobody here reads them: not atomic, they would be left out, or written at once. Relaxed: the
    // load of CR3 is a barrier for the compiler, and the processor keeps stores in order.
    std::atomic_ref(marks.next_root).store(address, std::memory_order_relaxed);
    write_cr3(address);
    std::atomic_ref(marks.root).store(address, std::memory_order_relaxed);
}

/// What each CPU has loaded; null: the tables that it booted with.
extern shootdown::ActiveSpaces<AddressSpace, channel::max_cpus> active_spaces;

class AddressSpace {
  public:
    using Mapper = paging::Mapper<DirectMapWindow, Frames>;

    /// Lowest address that is a test's to map: below it is the user image.
    static constexpr std::uint64_t lowest = std::uint64_t{1} << 39;

    /// Makes a root with the kernel's half and the user image. Panics without memory.
    AddressSpace();
    AddressSpace(const AddressSpace&) = delete;
    AddressSpace& operator=(const AddressSpace&) = delete;

    /// To change the tables. Writers exclude each other; whoever takes a translation away sees to
    /// its invalidation on `active()`.
    Mapper& mapper() { return mapper_; }

    paging::AddressSpaceId id() const { return mapper_.space(); }

    /// The CPUs that may hold its translations: all that have it loaded, or are about to.
    shootdown::CpuSet active() const { return active_.load(); }

    /// The set behind `active`, which shootdown::ActiveSpaces keeps.
    shootdown::AtomicCpuSet& active_set() { return active_; }

    /// How often its translations were taken away, for protocols that count that.
    std::atomic<std::uint64_t>& tlb_generation() { return tlb_generation_; }

    /// Makes it the calling CPU's. Nothing happens if it is already.
    void load() {
        load([] {});
    }

    /// The same; `before_cr3()` runs when the CPU has entered the set of active CPUs and is about
    /// to load CR3, with interrupts off.
    template <std::invocable Function>
    void load(Function before_cr3) {
        const InterruptsOff guard;
        active_spaces.load(this_cpu_index(), *this, [&] {
            before_cr3();
            load_root(id().root);
        });
    }

    /// Goes back to the tables that the CPU booted with.
    static void unload();

  private:
    Mapper mapper_;
    shootdown::AtomicCpuSet active_;
    std::atomic<std::uint64_t> tlb_generation_{0};
};

/// Invalidates on the calling CPU alone; a paging::Invalidator for translations that no other CPU
/// can hold.
struct LocalInvalidator {
    void operator()(const paging::Invalidation& request) const;
};

}  // namespace nestbed::guest
