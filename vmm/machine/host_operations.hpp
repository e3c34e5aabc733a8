// The host's end of channel::HostOperation: a guest's requests, checked and carried out.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "shared/channel/host_operation.hpp"
#include "vmm/machine/guest_memory.hpp"
#include "vmm/machine/test_memory.hpp"

namespace nestbed::vmm {

class HostOperations {
  public:
    /// `request` is the guest physical address of the channel::HostOperation; `test_memory` is null
    /// if the VM has none. Both references must outlive it.
    HostOperations(GuestMemory& memory, std::uint64_t request, TestMemory* test_memory)
        : memory_(memory), request_(request), test_memory_(test_memory) {}

    /// Carries out what the guest asks for. Returns what is wrong with the request, if anything.
    /// Any thread may call it: that a guest asks from one vCPU at a time is not relied upon.
    std::optional<std::string> carry_out();

  private:
    std::optional<std::string> objection(const channel::HostOperation& operation) const;
    void perform(channel::HostOperation& operation);

    GuestMemory& memory_;
    std::uint64_t request_;
    TestMemory* test_memory_;
    std::atomic_flag busy_;
};

}  // namespace nestbed::vmm
