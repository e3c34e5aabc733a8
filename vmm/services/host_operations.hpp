// The host's end of channel::HostOperation: a guest's requests, checked and carried out.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "shared/channel/host_operation.hpp"
#include "vmm/machine/host_cpus.hpp"
#include "vmm/memory/guest_memory.hpp"
#include "vmm/services/dirty_log.hpp"
#include "vmm/services/test_memory.hpp"
#include "vmm/services/userfault.hpp"

namespace nestbed::vmm {

class HostOperations {
  public:
    /// `request` is the guest physical address of the channel::HostOperation, `physical_end` is
    /// behind the last that the vCPUs can address; `test_memory` and `dirty_log` are null if the VM
    /// has none. What is given must outlive it.
    HostOperations(GuestMemory& memory, std::uint64_t request, std::uint64_t physical_end,
                   TestMemory* test_memory, DirtyLog* dirty_log)
        : memory_(memory),
          request_(request),
          physical_end_(physical_end),
          test_memory_(test_memory),
          dirty_log_(dirty_log),
          bitmap_(dirty_log != nullptr ? test_memory->pages() / 64 : 0) {}

    /// Carries out what the guest asks for. Returns what is wrong with the request, if anything.
    /// Any thread may call it: that a guest asks from one vCPU at a time is not relied upon.
    std::optional<std::string> carry_out();

  private:
    std::optional<std::string> objection(const channel::HostOperation& operation) const;
    std::optional<std::string> dirty_log_objection(const channel::HostOperation& operation) const;
    std::optional<std::string> slot_objection(const channel::HostOperation& operation) const;
    std::optional<std::string> userfault_objection(const channel::HostOperation& operation) const;
    void perform(channel::HostOperation& operation);
    void collect_dirty_log(channel::HostOperation& operation);
    void clear_dirty_log(const channel::HostOperation& operation);
    std::span<std::uint64_t> bitmap_of(const channel::HostOperation& operation);
    int page_out(channel::HostOperation& operation);
    int start_userfault(const channel::HostOperation& operation);
    int stop_userfault(channel::HostOperation& operation);

    GuestMemory& memory_;
    std::uint64_t request_;
    std::uint64_t physical_end_;
    TestMemory* test_memory_;
    DirtyLog* dirty_log_;
    std::vector<std::uint64_t> bitmap_;  // here once, so that no operation allocates it
    // Those of the thread that made this: a vCPU's, which asks, may have one only.
    std::vector<std::uint32_t> host_cpus_ = usable_host_cpus();
    std::unique_ptr<Userfault> userfault_;
    std::atomic_flag busy_;
};

}  // namespace nestbed::vmm
