// Single instructions that C++ has no word for.
//
// Where KVM has neither VMX nor SVM below it, kernel mode is interpreted by KVM's instruction
// emulator, which refuses INT n, INT3, RDTSCP, CLAC, INVPCID, the fences and all of SSE. What is
// here is what every KVM runs.
#pragma once

#include <cstdint>

#include "shared/arch/control.hpp"

namespace nestbed::guest {

inline void out(std::uint16_t io_port, std::uint32_t value) {
    // The host may read or write guest memory during the exit.
    asm volatile("outl %0, %w1" : : "a"(value), "Nd"(io_port) : "memory");
}

inline std::uint32_t in(std::uint16_t io_port) {
    std::uint32_t value = 0;
    asm volatile("inl %w1, %0" : "=a"(value) : "Nd"(io_port) : "memory");
    return value;
}

inline std::uint8_t in_byte(std::uint16_t io_port) {
    std::uint8_t value = 0;
    asm volatile("inb %w1, %0" : "=a"(value) : "Nd"(io_port) : "memory");
    return value;
}

/// RDTSC, not serialized: the processor may read the counter before earlier loads are done, which
/// is worth tens to a few hundred cycles. LFENCE would order it, but where kernel mode is
/// interpreted KVM refuses it.
inline std::uint64_t read_tsc() {
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    asm volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return static_cast<std::uint64_t>(high) << 32 | low;
}

/// The same, into memory by its two halves: one instruction less than in one piece.
inline void store_tsc(std::uint64_t& place) {
    asm volatile(
        "rdtsc\n\t"
        "mov %%eax, (%0)\n\t"
        "mov %%edx, 4(%0)"
        :
        : "r"(&place)
        : "eax", "edx", "memory");
}

inline std::uint64_t read_msr(std::uint32_t msr) {
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
    return static_cast<std::uint64_t>(high) << 32 | low;
}

inline void write_msr(std::uint32_t msr, std::uint64_t value) {
    asm volatile("wrmsr"
                 :
                 : "c"(msr), "a"(static_cast<std::uint32_t>(value)),
                   "d"(static_cast<std::uint32_t>(value >> 32))
                 : "memory");
}

inline std::uint64_t read_cr2() {
    std::uint64_t value = 0;
    asm volatile("mov %%cr2, %0" : "=r"(value));
    return value;
}

inline std::uint64_t read_cr0() {
    std::uint64_t value = 0;
    asm volatile("mov %%cr0, %0" : "=r"(value));
    return value;
}

inline void write_cr0(std::uint64_t value) {
    asm volatile("mov %0, %%cr0" : : "r"(value) : "memory");
}

inline std::uint64_t read_cr3() {
    std::uint64_t value = 0;
    asm volatile("mov %%cr3, %0" : "=r"(value));
    return value;
}

inline void write_cr3(std::uint64_t value) {
    asm volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}

inline std::uint64_t read_cr4() {
    std::uint64_t value = 0;
    asm volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}

inline void write_cr4(std::uint64_t value) {
    asm volatile("mov %0, %%cr4" : : "r"(value) : "memory");
}

/// All translations, global ones too, which a load of CR3 would leave: toggling CR4.PGE, which the
/// VMM has set, drops them (SDM Vol. 3A 4.10.4.1).
inline void flush_tlb() {
    const std::uint64_t cr4 = read_cr4();
    write_cr4(cr4 ^ arch::cr4::pge);
    write_cr4(cr4);
}

/// Invalidates the translations of the page that holds `address` on this CPU (SDM Vol.
/// 3A 4.10.4.1).
inline void invlpg(std::uint64_t address) {
    asm volatile("invlpg (%0)" : : "r"(address) : "memory");
}

/// What INVPCID takes as its type (SDM Vol. 2A "INVPCID").
enum class InvpcidType : std::uint64_t {
    address = 0,
    single_context = 1,
    all_contexts = 2,
    all_contexts_but_global = 3,
};

/// For PCID 0, which is what there is while CR4.PCIDE is off. Only where CPUID offers it.
inline void invpcid(InvpcidType type, std::uint64_t address = 0) {
    const struct {
        std::uint64_t pcid;
        std::uint64_t address;
    } descriptor{0, address};
    asm volatile("invpcid %0, %1"
                 :
                 : "m"(descriptor), "r"(static_cast<std::uint64_t>(type))
                 : "memory");
}

inline void pause() { asm volatile("pause" : : : "memory"); }

inline std::uint64_t read_flags() {
    std::uint64_t flags = 0;
    asm volatile("pushfq\n\tpop %0" : "=r"(flags) : : "memory");
    return flags;
}

inline void write_flags(std::uint64_t flags) {
    asm volatile("push %0\n\tpopfq" : : "r"(flags) : "memory", "cc");
}

inline void disable_interrupts() { asm volatile("cli" : : : "memory"); }
inline void enable_interrupts() { asm volatile("sti" : : : "memory"); }

/// Sleeps until an interrupt or NMI has been taken, then returns with interrupts off. STI takes
/// effect after the next instruction, so no interrupt comes between the two. An NMI may, and its
/// IRET lets interrupts in before the HLT: so whatever interrupts at the HLT returns behind it
/// (trap_dispatch), or the wake-up would be lost.
extern "C" void wait_for_interrupt();

[[noreturn]] inline void halt_forever() {
    for (;;) {
        asm volatile("cli\n\thlt" : : : "memory");
    }
}

/// Interrupts are off while one of these exists, and as they were before afterwards.
class InterruptsOff {
  public:
    InterruptsOff() : flags_(read_flags()) { disable_interrupts(); }
    ~InterruptsOff() {
        constexpr std::uint64_t interrupt_flag = 1U << 9;
        if ((flags_ & interrupt_flag) != 0) {
            enable_interrupts();
        }
    }
    InterruptsOff(const InterruptsOff&) = delete;
    InterruptsOff& operator=(const InterruptsOff&) = delete;

  private:
    std::uint64_t flags_;
};

struct CpuidResult {
    std::uint32_t eax, ebx, ecx, edx;
};

inline CpuidResult cpuid(std::uint32_t leaf, std::uint32_t subleaf = 0) {
    CpuidResult result{};
    asm volatile("cpuid"
                 : "=a"(result.eax), "=b"(result.ebx), "=c"(result.ecx), "=d"(result.edx)
                 : "a"(leaf), "c"(subleaf));
    return result;
}

}  // namespace nestbed::guest
