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
          bitmap_(dirty_log != nullptr ? test_memory->size() / TestMemory::page_bytes / 64 : 0) {
        if (test_memory != nullptr) {
            userfault_files_.emplace();
        }
    }

    /// Registers `port::host_operation`. A guest asks from one vCPU at a time.
    void register_in(ExitTable& exits);

    /// Carries out what the guest asks for. Returns what is wrong with the request, if anything.
    std::optional<std::string> carry_out();

  private:
    using Request = channel::HostOperation;
    /// The words of bitmap_ for the pages of a request, and the guest's own, as many.
    using Bitmaps = std::pair<std::span<std::uint64_t>, std::byte*>;

    // Those that return a number: 0, or why the kernel refused (errno). Whatever is wrong with a
    // request, they find before they change anything.
    int perform(Request& request);
    DirtyLog& dirty_log() const;
    Bitmaps bitmaps_of(const Request& request);
    void collect_dirty_log(Request& request);
    void clear_dirty_log(const Request& request);
    void require_no_log() const;
    void set_read_only(Request& request);
    void move(std::uint64_t place);
    int start_userfault(const Request& request, TestMemory::Pages pages);
    int stop_userfault(Request& request);

    GuestMemory& memory_;
    std::uint64_t request_;
    std::uint64_t physical_end_;
    TestMemory* test_memory_;
    DirtyLog* dirty_log_;
    std::vector<std::uint64_t> bitmap_;  // here once, so that no operation allocates it
    // Those of the thread that made this: a vCPU's, which asks, may have one only.
    std::vector<std::uint32_t> host_cpus_ = usable_host_cpus();
    std::optional<UserfaultFiles> userfault_files_;  ///< with test memory
    std::optional<Userfault> userfault_;
};

}  // namespace nestbed::vmm
