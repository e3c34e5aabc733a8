#include "vmm/kvm/vm.hpp"

#include <linux/kvm.h>

#include "vmm/kvm/ioctl.hpp"

namespace nestbed::kvm {

void Vm::set_tss_address(std::uint64_t guest_physical) {
    NESTBED_IOCTL(fd_, KVM_SET_TSS_ADDR, guest_physical);
}

void Vm::create_irqchip() { NESTBED_IOCTL(fd_, KVM_CREATE_IRQCHIP); }

void Vm::set_memory_slot(std::uint32_t slot, std::uint64_t guest_physical, std::uint64_t size,
                         void* host, std::uint32_t flags) {
    const kvm_userspace_memory_region region{slot, flags, guest_physical, size,
                                             reinterpret_cast<std::uint64_t>(host)};
    NESTBED_IOCTL(fd_, KVM_SET_USER_MEMORY_REGION, &region);
}

void Vm::add_coalesced_port(std::uint16_t port, std::uint32_t bytes) {
    kvm_coalesced_mmio_zone zone{};
    zone.addr = port;
    zone.size = bytes;
    zone.pio = 1;
    NESTBED_IOCTL(fd_, KVM_REGISTER_COALESCED_MMIO, &zone);
}

void Vm::add_coalesced_memory(std::uint64_t guest_physical, std::uint32_t bytes) {
    kvm_coalesced_mmio_zone zone{};
    zone.addr = guest_physical;
    zone.size = bytes;
    NESTBED_IOCTL(fd_, KVM_REGISTER_COALESCED_MMIO, &zone);
}

void Vm::add_port_event(std::uint16_t port, std::uint32_t bytes, const vmm::Descriptor& eventfd) {
    kvm_ioeventfd event{};
    event.addr = port;
    event.len = bytes;
    event.fd = eventfd.get();
    event.flags = KVM_IOEVENTFD_FLAG_PIO;
    NESTBED_IOCTL(fd_, KVM_IOEVENTFD, &event);
}

int Vm::enable_capability(std::uint32_t capability, std::uint64_t argument) {
    kvm_enable_cap request{};
    request.cap = capability;
    request.args[0] = argument;
    return ::ioctl(fd_.get(), KVM_ENABLE_CAP, &request) < 0 ? errno : 0;
}

void Vm::get_dirty_log(std::uint32_t slot, std::span<std::uint64_t> bitmap) const {
    kvm_dirty_log request{};
    request.slot = slot;
    request.dirty_bitmap = bitmap.data();
    NESTBED_IOCTL(fd_, KVM_GET_DIRTY_LOG, &request);
}

void Vm::clear_dirty_log(std::uint32_t slot, std::uint64_t first_page,
                         std::span<const std::uint64_t> bitmap) {
    kvm_clear_dirty_log request{};
    request.slot = slot;
    request.first_page = first_page;
    request.num_pages = static_cast<std::uint32_t>(bitmap.size() * 64);
    // KVM reads it only; its structure knows no const.
    request.dirty_bitmap = const_cast<std::uint64_t*>(bitmap.data());
    NESTBED_IOCTL(fd_, KVM_CLEAR_DIRTY_LOG, &request);
}

std::uint32_t Vm::reset_dirty_rings() {
    return static_cast<std::uint32_t>(NESTBED_IOCTL(fd_, KVM_RESET_DIRTY_RINGS));
}

Vcpu Vm::create_vcpu(std::uint32_t id, std::size_t mapping_size) {
    return {vmm::Descriptor(NESTBED_IOCTL(fd_, KVM_CREATE_VCPU, static_cast<unsigned long>(id))),
            mapping_size};
}

Statistics Vm::statistics() const {
    return Statistics(vmm::Descriptor(NESTBED_IOCTL(fd_, KVM_GET_STATS_FD)));
}

std::vector<Gauge> Vm::gauges() const {
    return read_gauges(vmm::Descriptor(NESTBED_IOCTL(fd_, KVM_GET_STATS_FD)));
}

}  // namespace nestbed::kvm
