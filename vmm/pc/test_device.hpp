// The test device of QEMU's PCs (pc-testdev): ports that keep what is written to them,
// memory-mapped I/O that does, interrupt lines to raise, and a page of memory that the host takes
// away and gives back.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "vmm/kvm/vm.hpp"
#include "vmm/machine/exit_table.hpp"
#include "vmm/memory/guest_memory.hpp"

namespace nestbed::vmm {

class TestDevice {
  public:
    /// Both must outlive it.
    TestDevice(kvm::Vm& vm, const GuestMemory& memory) : vm_(vm), memory_(memory) {}

    void register_in(ExitTable& exits);

  private:
    template <std::size_t size>
    Answer access_kept(const Access& access, std::array<std::byte, size>& kept,
                       std::uint64_t first);
    Answer flush_page(const Access& access) const;

    kvm::Vm& vm_;
    const GuestMemory& memory_;
    std::mutex mutex_;  ///< of what is kept
    std::array<std::byte, 4> port_{};
    std::array<std::byte, 1> byte_port_{};
    std::array<std::byte, 0x10000> io_memory_{};
};

}  // namespace nestbed::vmm
