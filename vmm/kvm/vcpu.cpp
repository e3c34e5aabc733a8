#include "vmm/kvm/vcpu.hpp"

#include <cerrno>

#include "vmm/kvm/cpuid_list.hpp"
#include "vmm/kvm/ioctl.hpp"

namespace nestbed::kvm {

namespace {

vmm::Mapping map(const vmm::Descriptor& fd, const char* what, std::size_t size, off_t offset) {
    void* address = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), offset);
    if (address == MAP_FAILED) {
        throw_ioctl_error(what, errno);
    }
    return {address, size};
}

}  // namespace

Vcpu::Vcpu(vmm::Descriptor fd, std::size_t mapping_size)
    : fd_(std::move(fd)), mapping_(map(fd_, "mmap of kvm_run", mapping_size, 0)) {}

kvm_regs Vcpu::registers() const {
    kvm_regs registers{};
    NESTBED_IOCTL(fd_, KVM_GET_REGS, &registers);
    return registers;
}

void Vcpu::set_registers(const kvm_regs& registers) {
    NESTBED_IOCTL(fd_, KVM_SET_REGS, &registers);
}

kvm_sregs Vcpu::special_registers() const {
    kvm_sregs registers{};
    NESTBED_IOCTL(fd_, KVM_GET_SREGS, &registers);
    return registers;
}

void Vcpu::set_special_registers(const kvm_sregs& registers) {
    NESTBED_IOCTL(fd_, KVM_SET_SREGS, &registers);
}

void Vcpu::set_cpuid(std::span<const kvm_cpuid_entry2> entries) {
    CpuidList list(entries);
    checked_ioctl(fd_, CpuidList::set, "KVM_SET_CPUID2", list.argument());
}

void Vcpu::set_runnable() {
    const kvm_mp_state state{KVM_MP_STATE_RUNNABLE};
    NESTBED_IOCTL(fd_, KVM_SET_MP_STATE, &state);
}

std::uint32_t Vcpu::mp_state() const {
    kvm_mp_state state{};
    NESTBED_IOCTL(fd_, KVM_GET_MP_STATE, &state);
    return state.mp_state;
}

std::uint64_t Vcpu::tsc_khz() const {
    const int khz = ::ioctl(fd_.get(), KVM_GET_TSC_KHZ, 0);
    return khz > 0 ? static_cast<std::uint64_t>(khz) : 0;
}

void Vcpu::set_single_step(bool on) {
    kvm_guest_debug debug{};
    debug.control = on ? KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP : 0;
    NESTBED_IOCTL(fd_, KVM_SET_GUEST_DEBUG, &debug);
}

void Vcpu::send_nmi() { NESTBED_IOCTL(fd_, KVM_NMI); }

vmm::Mapping Vcpu::map_dirty_ring(std::uint32_t entries) const {
    return map(fd_, "mmap of a dirty ring", entries * sizeof(kvm_dirty_gfn),
               KVM_DIRTY_LOG_PAGE_OFFSET * ::sysconf(_SC_PAGESIZE));
}

Statistics Vcpu::statistics() const {
    return Statistics(vmm::Descriptor(NESTBED_IOCTL(fd_, KVM_GET_STATS_FD)));
}

}  // namespace nestbed::kvm
