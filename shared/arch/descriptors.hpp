// Segment selectors, GDT descriptors, IDT gates and the 64-bit TSS (SDM Vol. 3A 3.4.5 "Segment
// Descriptors", 6.14.1 "64-Bit Mode IDT", 8.7 "Task Management in 64-bit Mode").
#pragma once

#include <cstdint>

namespace nestbed::arch {

/// The selectors of every guest. They are laid out as Linux lays out its own: a KVM that knows
/// no VMX or SVM (PVM) returns to user mode natively only with these user selectors.
namespace selector {
inline constexpr std::uint16_t kernel_code = 0x10;
inline constexpr std::uint16_t kernel_data = 0x18;
inline constexpr std::uint16_t user_data = 0x2B;
inline constexpr std::uint16_t user_code = 0x33;
/// CPU n's TSS descriptor, 16 bytes each.
constexpr std::uint16_t tss(std::uint32_t cpu) {
    return static_cast<std::uint16_t>(0x40 + 16 * cpu);
}
}  // namespace selector

/// Flat 64-bit code and data segments; base and limit are ignored in 64-bit mode.
namespace descriptor {
inline constexpr std::uint64_t kernel_code = 0x00AF'9B00'0000'FFFF;
inline constexpr std::uint64_t kernel_data = 0x00CF'9300'0000'FFFF;
inline constexpr std::uint64_t user_code = 0x00AF'FB00'0000'FFFF;
inline constexpr std::uint64_t user_data = 0x00CF'F300'0000'FFFF;
}  // namespace descriptor

/// A 64-bit TSS: only the stack pointers matter in long mode.
struct [[gnu::packed]] TaskStateSegment {
    std::uint32_t reserved0;
    std::uint64_t rsp[3];  ///< stack for a change to privilege level 0, 1, 2
    std::uint64_t reserved1;
    std::uint64_t ist[7];  ///< interrupt stack table; `ist[0]` is what a gate calls IST 1
    std::uint64_t reserved2;
    std::uint16_t reserved3;
    std::uint16_t io_map_base;
};
static_assert(sizeof(TaskStateSegment) == 104);

/// The two GDT slots that describe an available 64-bit TSS at `base`.
struct TssDescriptor {
    std::uint64_t low;
    std::uint64_t high;
};

constexpr TssDescriptor tss_descriptor(std::uint64_t base) {
    constexpr std::uint64_t limit = sizeof(TaskStateSegment) - 1;
    constexpr std::uint64_t present_available_tss = 0x89;
    return {
        limit | (base & 0xFF'FFFF) << 16 | present_available_tss << 40 | (base >> 24 & 0xFF) << 56,
        base >> 32};
}

/// A 64-bit interrupt gate: interrupts stay off until the handler turns them on or returns.
struct InterruptGate {
    std::uint16_t offset_low;
    std::uint16_t code_selector;
    std::uint8_t ist;  ///< 0: no stack switch unless the privilege level changes
    std::uint8_t type;
    std::uint16_t offset_middle;
    std::uint32_t offset_high;
    std::uint32_t reserved;

    static constexpr InterruptGate to(std::uint64_t handler, std::uint8_t interrupt_stack = 0) {
        constexpr std::uint8_t present_interrupt_gate = 0x8E;
        return {static_cast<std::uint16_t>(handler),
                selector::kernel_code,
                interrupt_stack,
                present_interrupt_gate,
                static_cast<std::uint16_t>(handler >> 16),
                static_cast<std::uint32_t>(handler >> 32),
                0};
    }
};
static_assert(sizeof(InterruptGate) == 16);

/// The operand of LGDT and LIDT.
struct [[gnu::packed]] DescriptorTablePointer {
    std::uint16_t limit;
    std::uint64_t base;
};
static_assert(sizeof(DescriptorTablePointer) == 10);

}  // namespace nestbed::arch
