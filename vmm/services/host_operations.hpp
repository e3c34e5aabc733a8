// The host's end of channel::HostOperation: a guest's requests, checked and carried out.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "shared/channel/host_operation.hpp"
#include "vmm/machine/exit_table.hpp"
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

    /// Registers `port::host_operation`. A guest asks from one vCPU at a time.
    void register_in(ExitTable& exits);

    /// Carries out what the guest asks for. Returns what is wrong with the request, if anything.
    std::optional<std::string> carry_out();

  private:
    using Request = channel::HostOperation;
    using Objection = std::optional<std::string>;

    Objection objection(const Request& request) const;
    Objection slot_objection() const;
    Objection place_objection(const Request& request) const;
    Objection userfault_objection(const Request& request) const;
    Objection log_objection() const;
    Objection bitmap_objection(const Request& request) const;

    /// Returns 0, or why the kernel refused (errno), as the next ones.
    int perform(Request& request);
    int page_out(Request& request);
    int start_userfault(const Request& request);
    int stop_userfault(Request& request);
    void collect_dirty_log(Request& request);
    void clear_dirty_log(const Request& request);
    std::span<std::uint64_t> bitmap_of(const Request& request);

    GuestMemory& memory_;
    std::uint64_t request_;
    std::uint64_t physical_end_;
    TestMemory* test_memory_;
    DirtyLog* dirty_log_;
    std::vector<std::uint64_t> bitmap_;  // here once, so that no operation allocates it
    // Those of the thread that made this: a vCPU's, which asks, may have one only.
    std::vector<std::uint32_t> host_cpus_ = usable_host_cpus();
    std::optional<Userfault> userfault_;
};

}  // namespace nestbed::vmm
