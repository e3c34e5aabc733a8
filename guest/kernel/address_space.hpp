// An address space: page tables of its own below the kernel's shared half, and the set of CPUs that
// have it loaded.
#pragma once

#include "guest/kernel/frames.hpp"
#include "shared/paging/mapper.hpp"
#include "shared/shootdown/cpu_set.hpp"

namespace nestbed::guest {

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

    /// Makes it the calling CPU's. Nothing happens if it is already.
    ///
    /// The CPU enters the set before it loads CR3. So an initiator that changed an entry and then
    /// does not find it in the set is sure that its CR3 load, and every walk after it, comes later
    /// than the change. The other order would let a CPU walk the old entry while no shootdown
    /// reaches it. It leaves the old space's set after CR3 is loaded, for the same reason.
    void load();

    /// Goes back to the tables that the CPU booted with.
    static void unload();

  private:
    Mapper mapper_;
    shootdown::AtomicCpuSet active_;
};

/// Invalidates a page on the calling CPU alone; a paging::Invalidator for translations that no
/// other CPU can hold.
struct LocalInvalidator {
    template <paging::PageSize size>
    void operator()(paging::AddressSpaceId space, paging::Page<size> page) const {
        invalidate(space, page.address());
    }
    static void invalidate(paging::AddressSpaceId space, paging::VirtAddr address);
};

}  // namespace nestbed::guest
