// One virtual machine (KVM API documentation, "VM ioctls").
#pragma once

#include <linux/kvm.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "vmm/kvm/ioctl.hpp"
#include "vmm/kvm/statistics.hpp"
#include "vmm/kvm/vcpu.hpp"

namespace nestbed::kvm {

/// struct kvm_irq_routing with room for entries, spelled out as CpuidList is.
struct InterruptRoutes {
    static constexpr unsigned long set = _IOW(KVMIO, 0x6a, std::uint32_t[2]);
    static constexpr std::size_t most = 2048;  ///< of the 4096 that KVM allows

    std::uint32_t count = 0;
    std::uint32_t flags = 0;
    std::array<kvm_irq_routing_entry, most> entries{};
};

class Vm {
  public:
    explicit Vm(vmm::Descriptor fd) : fd_(std::move(fd)) {}

    /// Three pages that Intel's KVM needs, outside guest memory, below 4 GiB.
    void set_tss_address(std::uint64_t guest_physical) {
        NESTBED_IOCTL(fd_, KVM_SET_TSS_ADDR, guest_physical);
    }

    /// Local APICs in the kernel.
    void create_irqchip() { NESTBED_IOCTL(fd_, KVM_CREATE_IRQCHIP); }

    /// Which pins of the interrupt controllers the lines (GSIs) go to; they forget all others.
    void set_interrupt_routes(std::span<const kvm_irq_routing_entry> routes) {
        if (routes.size() > InterruptRoutes::most) {
            throw_ioctl_error("KVM_SET_GSI_ROUTING", E2BIG);
        }
        const auto request = std::make_unique<InterruptRoutes>();
        request->count = static_cast<std::uint32_t>(routes.size());
        std::ranges::copy(routes, request->entries.begin());
        checked_ioctl(fd_, InterruptRoutes::set, "KVM_SET_GSI_ROUTING", request.get());
    }

    /// Raises or lowers a line (GSI).
    void set_interrupt_line(std::uint32_t line, bool level) {
        kvm_irq_level request{};
        request.irq = line;
        request.level = level ? 1 : 0;
        NESTBED_IOCTL(fd_, KVM_IRQ_LINE, &request);
    }

    /// An 8254 with its speaker's port, in the kernel; after create_irqchip(). `reinjects`: ticks
    /// that the guest was too late for come later. Needs KVM_CAP_PIT2 and KVM_CAP_REINJECT_CONTROL.
    void create_pit(bool reinjects) {
        kvm_pit_config config{};
        config.flags = KVM_PIT_SPEAKER_DUMMY;
        NESTBED_IOCTL(fd_, KVM_CREATE_PIT2, &config);
        kvm_reinject_control control{};
        control.pit_reinject = reinjects ? 1 : 0;
        NESTBED_IOCTL(fd_, KVM_REINJECT_CONTROL, &control);
    }

    /// `host` must stay mapped as long as the VM exists. `flags`: KVM_MEM_….
    void set_memory_slot(std::uint32_t slot, std::uint64_t guest_physical, std::uint64_t size,
                         void* host, std::uint32_t flags = 0) {
        const kvm_userspace_memory_region region{slot, flags, guest_physical, size,
                                                 reinterpret_cast<std::uint64_t>(host)};
        NESTBED_IOCTL(fd_, KVM_SET_USER_MEMORY_REGION, &region);
    }

    /// 0, or why KVM refused (errno).
    [[nodiscard]] int enable_capability(int capability, std::uint64_t argument) {
        kvm_enable_cap request{};
        request.cap = static_cast<std::uint32_t>(capability);
        request.args[0] = argument;
        return ::ioctl(fd_.get(), KVM_ENABLE_CAP, &request) < 0 ? errno : 0;
    }

    /// Writes of one MSR are left to the VMM (KVM_EXIT_X86_WRMSR). False if this KVM cannot.
    [[nodiscard]] bool leave_msr_writes(std::uint32_t index) {
        if (enable_capability(KVM_CAP_X86_USER_SPACE_MSR, KVM_MSR_EXIT_REASON_FILTER) != 0) {
            return false;
        }
        std::array<std::uint8_t, sizeof(unsigned long)> allowed{};  // KVM reads whole ones
        kvm_msr_filter filter{};
        filter.flags = KVM_MSR_FILTER_DEFAULT_ALLOW;
        filter.ranges[0] = {KVM_MSR_FILTER_WRITE, 1, index, allowed.data()};
        return ::ioctl(fd_.get(), KVM_X86_SET_MSR_FILTER, &filter) == 0;
    }

    /// A bit for each page of a slot that has KVM_MEM_LOG_DIRTY_PAGES. With
    /// KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 they stay set. KVM refuses it to a VM with dirty rings.
    void get_dirty_log(std::uint32_t slot, std::span<std::uint64_t> bitmap) const {
        kvm_dirty_log request{};
        request.slot = slot;
        request.dirty_bitmap = bitmap.data();
        NESTBED_IOCTL(fd_, KVM_GET_DIRTY_LOG, &request);
    }

    /// Clears the bits that are set in `bitmap`, whose first is that of `first_page`, a multiple of
    /// 64, and write-protects these pages. Needs KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2.
    void clear_dirty_log(std::uint32_t slot, std::uint64_t first_page,
                         std::span<const std::uint64_t> bitmap) {
        kvm_clear_dirty_log request{};
        request.slot = slot;
        request.first_page = first_page;
        request.num_pages = static_cast<std::uint32_t>(bitmap.size() * 64);
        // KVM reads it only; its structure knows no const.
        request.dirty_bitmap = const_cast<std::uint64_t*>(bitmap.data());
        NESTBED_IOCTL(fd_, KVM_CLEAR_DIRTY_LOG, &request);
    }

    /// Write-protects the pages that were harvested from all vCPUs' rings, and has their entries
    /// used again. Returns how many. No signal may be pending: it would be less than all, and Linux
    /// since 6.16 forgets to write-protect some of those then.
    std::uint32_t reset_dirty_rings() {
        return static_cast<std::uint32_t>(NESTBED_IOCTL(fd_, KVM_RESET_DIRTY_RINGS));
    }

    /// KVM keeps writes of `bytes` there in a ring (CoalescedRing) while there is room: a guest
    /// physical address, or a port. Needs KVM_CAP_COALESCED_MMIO or KVM_CAP_COALESCED_PIO.
    void add_coalesced(std::uint64_t address, std::uint32_t bytes, bool is_port) {
        kvm_coalesced_mmio_zone zone{};
        zone.addr = address;
        zone.size = bytes;
        zone.pio = is_port ? 1 : 0;
        NESTBED_IOCTL(fd_, KVM_REGISTER_COALESCED_MMIO, &zone);
    }

    /// For each write of `bytes` to a port KVM adds 1 to an eventfd. Needs KVM_CAP_IOEVENTFD.
    void add_port_event(std::uint16_t port, std::uint32_t bytes, const vmm::Descriptor& eventfd) {
        kvm_ioeventfd event{};
        event.addr = port;
        event.len = bytes;
        event.fd = eventfd.get();
        event.flags = KVM_IOEVENTFD_FLAG_PIO;
        NESTBED_IOCTL(fd_, KVM_IOEVENTFD, &event);
    }

    /// `mapping_size` is System::vcpu_mapping_size().
    Vcpu create_vcpu(std::uint32_t id, std::size_t mapping_size) {
        return {
            vmm::Descriptor(NESTBED_IOCTL(fd_, KVM_CREATE_VCPU, static_cast<unsigned long>(id))),
            mapping_size};
    }

    /// Both need KVM_CAP_BINARY_STATS_FD.
    Statistics statistics() const { return Statistics(statistics_file()); }
    /// For read_statistics().
    vmm::Descriptor statistics_file() const {
        return vmm::Descriptor(NESTBED_IOCTL(fd_, KVM_GET_STATS_FD));
    }

  private:
    vmm::Descriptor fd_;
};

}  // namespace nestbed::kvm
