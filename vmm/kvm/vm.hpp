// One virtual machine (KVM API documentation, "VM ioctls").
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "vmm/base/descriptor.hpp"
#include "vmm/kvm/statistics.hpp"
#include "vmm/kvm/vcpu.hpp"

namespace nestbed::kvm {

class Vm {
  public:
    explicit Vm(vmm::Descriptor fd) : fd_(std::move(fd)) {}

    /// KVM_SET_TSS_ADDR: three pages that Intel's KVM needs, outside guest memory, below 4 GiB.
    void set_tss_address(std::uint64_t guest_physical);

    /// KVM_CREATE_IRQCHIP: local APICs in the kernel.
    void create_irqchip();

    /// KVM_SET_USER_MEMORY_REGION: `host` must stay mapped as long as the VM exists. `flags`:
    /// KVM_MEM_….
    void set_memory_slot(std::uint32_t slot, std::uint64_t guest_physical, std::uint64_t size,
                         void* host, std::uint32_t flags = 0);

    /// KVM_ENABLE_CAP: 0, or why KVM refused (errno).
    [[nodiscard]] int enable_capability(std::uint32_t capability, std::uint64_t argument);

    /// KVM_GET_DIRTY_LOG: a bit for each page of a slot that has KVM_MEM_LOG_DIRTY_PAGES. With
    /// KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 they stay set. KVM refuses it to a VM with dirty rings.
    void get_dirty_log(std::uint32_t slot, std::span<std::uint64_t> bitmap) const;

    /// KVM_CLEAR_DIRTY_LOG: clears the bits that are set in `bitmap`, whose first is that of
    /// `first_page`, a multiple of 64, and write-protects these pages. Needs
    /// KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2.
    void clear_dirty_log(std::uint32_t slot, std::uint64_t first_page,
                         std::span<const std::uint64_t> bitmap);

    /// KVM_RESET_DIRTY_RINGS: write-protects the pages that were harvested from all vCPUs' rings,
    /// and has their entries used again. Returns how many. No signal may be pending: it would be
    /// less than all, and Linux since 6.16 forgets to write-protect some of those then.
    std::uint32_t reset_dirty_rings();

    /// KVM_REGISTER_COALESCED_MMIO: KVM keeps writes of `bytes` there in a ring (CoalescedRing)
    /// while there is room. Needs KVM_CAP_COALESCED_PIO or KVM_CAP_COALESCED_MMIO.
    void add_coalesced_port(std::uint16_t port, std::uint32_t bytes);
    void add_coalesced_memory(std::uint64_t guest_physical, std::uint32_t bytes);

    /// KVM_IOEVENTFD: for each write of `bytes` to a port KVM adds 1 to an eventfd. Needs
    /// KVM_CAP_IOEVENTFD.
    void add_port_event(std::uint16_t port, std::uint32_t bytes, const vmm::Descriptor& eventfd);

    /// KVM_CREATE_VCPU. `mapping_size` is System::vcpu_mapping_size().
    Vcpu create_vcpu(std::uint32_t id, std::size_t mapping_size);

    /// KVM_GET_STATS_FD; needs KVM_CAP_BINARY_STATS_FD.
    Statistics statistics() const;
    /// The same.
    std::vector<Gauge> gauges() const;

  private:
    vmm::Descriptor fd_;
};

}  // namespace nestbed::kvm
