#include "guest/kernel/apic.hpp"

#include <atomic>

#include "guest/kernel/smp.hpp"

namespace nestbed::guest::apic {

namespace {

// A full fence stands in for the MFENCE; LFENCE that the SDM names: it compiles to a LOCKed
// instruction, which every KVM's emulator knows, and which drains the store buffer as MFENCE does.
void write_icr(std::uint64_t command) {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    write_msr(arch::msr::x2apic_icr, command);
}

}  // namespace

void send(std::uint32_t cpu, std::uint8_t vector) {
    require_cpu(cpu);
    send_to_existing(cpu, vector);
}

void send_to_existing(std::uint32_t cpu, std::uint8_t vector) {
    write_icr(icr::destination(cpu) | icr::assert_level | vector);
}

void send_to_cluster(std::uint32_t cluster, std::uint16_t members, std::uint8_t vector) {
    write_icr(icr::destination(cluster << 16 | members) | icr::logical | icr::assert_level |
              vector);
}

void send_to_all_but_self(std::uint8_t vector) {
    write_icr(icr::all_but_self | icr::assert_level | vector);
}

void send_to_self(std::uint8_t vector) { write_msr(arch::msr::x2apic_self_ipi, vector); }

void send_nmi(std::uint32_t cpu) {
    require_cpu(cpu);
    send_nmi_to_existing(cpu);
}

void send_nmi_to_existing(std::uint32_t cpu) {
    write_icr(icr::destination(cpu) | icr::assert_level | icr::delivery_nmi);
}

}  // namespace nestbed::guest::apic
