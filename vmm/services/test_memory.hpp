// The host's side of a VM's test memory (shared/channel/test_memory.hpp): a mapping, a memslot, and
// what can be done to both while the guest runs.
#pragma once

#include <sys/mman.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "shared/paging/page_size.hpp"
#include "vmm/kvm/vm.hpp"
#include "vmm/machine/exit_table.hpp"
#include "vmm/memory/backing.hpp"

namespace nestbed::vmm {

class TestMemory {
  public:
    /// Its memslot; the guest's own memory is slot 0.
    static constexpr std::uint32_t slot = 1;
    /// Of what is counted as a page here.
    static constexpr std::uint64_t page_bytes = paging::bytes_of(paging::PageSize::size_4k);

    using Pages = std::span<std::byte>;

    /// Maps it as a memslot of `vm`, which must outlive it. Throws Error if the host lacks it.
    TestMemory(kvm::Vm& vm, std::uint64_t bytes, const BackingSettings& backing);

    std::uint64_t size() const { return memory_.size(); }
    const HostMemory& memory() const { return memory_; }
    /// `count` pages from page `first` on; nothing if not all of them exist.
    std::optional<Pages> pages(std::uint64_t first, std::uint64_t count) const;

    /// What channel::HostOperationId says of each. Return 0, or why the kernel refused (errno).
    [[nodiscard]] static int populate(Pages pages) { return advise(pages, MADV_POPULATE_WRITE); }
    [[nodiscard]] int discard(Pages pages) const;
    /// With threads on these CPUs, all that the process may use. Gives up after a second.
    [[nodiscard]] static int page_out(Pages pages, std::span<const std::uint32_t> host_cpus);
    /// Takes the pages out of this process's page tables; of memory that is a file they stay in it,
    /// other memory loses them.
    [[nodiscard]] static int drop(Pages pages) { return advise(pages, MADV_DONTNEED); }
    /// How many of the pages are in the host's memory.
    static std::uint64_t count_resident(Pages pages);

    /// Has the guest's writes come as exits, or no longer. Not while writes are logged.
    void set_read_only(bool on);

    /// Has the guest find it there. Not while writes are logged.
    void move_to(std::uint64_t guest_physical);

    /// Registers an answer to accesses to where KVM has no memory, or none for that access, between
    /// the first place of this memory and the furthest at which it ever was: a read finds all bits
    /// set, a write is dropped.
    void register_in(ExitTable& exits);
    /// Whether that is where an access goes; a write is counted as dropped. Any thread may call it.
    bool take_access(std::uint64_t guest_physical, bool is_write);
    std::uint64_t dropped_writes() const { return dropped_writes_.load(std::memory_order_relaxed); }

    /// Has KVM log which pages are written (KVM_MEM_LOG_DIRTY_PAGES), or no longer.
    void log_writes(bool on);
    bool logs_writes() const { return logs_writes_; }

  private:
    static int advise(Pages pages, int advice);
    static int page_out_from(std::uint32_t host_cpu, Pages pages);
    void set_slot(std::uint64_t bytes);

    kvm::Vm& vm_;
    HostMemory memory_;
    std::uint64_t guest_physical_;
    bool logs_writes_ = false;
    bool read_only_ = false;
    /// Behind the last address at which it ever was. vCPUs find it there, or nothing; one that
    /// found nothing may be late to say so.
    std::atomic<std::uint64_t> end_of_places_;
    std::atomic<std::uint64_t> dropped_writes_{0};
};

}  // namespace nestbed::vmm
