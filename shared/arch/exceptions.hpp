// Exception vectors (SDM Vol. 3A table 6-1 "Protected-Mode Exceptions and Interrupts").
#pragma once

#include <cstdint>

namespace nestbed::arch {

enum class Exception : std::uint8_t {
    divide_error = 0,
    debug = 1,
    nmi = 2,
    breakpoint = 3,
    overflow = 4,
    bound_range = 5,
    invalid_opcode = 6,
    device_not_available = 7,
    double_fault = 8,
    invalid_tss = 10,
    segment_not_present = 11,
    stack_fault = 12,
    general_protection = 13,
    page_fault = 14,
    x87_error = 16,
    alignment_check = 17,
    machine_check = 18,
    simd_error = 19,
    virtualization = 20,
    control_protection = 21,
};

/// Vectors below this one are exceptions or reserved; interrupts start here.
inline constexpr std::uint8_t first_interrupt_vector = 32;

/// True for the vectors that push an error code (SDM Vol. 3A 6.13).
constexpr bool pushes_error_code(std::uint8_t vector) {
    return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21;
}

/// The mnemonic of an exception vector, "interrupt" for any other.
constexpr const char* exception_name(std::uint8_t vector) {
    switch (vector) {
        case 0:
            return "#DE divide error";
        case 1:
            return "#DB debug";
        case 2:
            return "NMI";
        case 3:
            return "#BP breakpoint";
        case 4:
            return "#OF overflow";
        case 5:
            return "#BR bound range";
        case 6:
            return "#UD invalid opcode";
        case 7:
            return "#NM device not available";
        case 8:
            return "#DF double fault";
        case 10:
            return "#TS invalid TSS";
        case 11:
            return "#NP segment not present";
        case 12:
            return "#SS stack fault";
        case 13:
            return "#GP general protection";
        case 14:
            return "#PF page fault";
        case 16:
            return "#MF x87 error";
        case 17:
            return "#AC alignment check";
        case 18:
            return "#MC machine check";
        case 19:
            return "#XM SIMD error";
        case 20:
            return "#VE virtualization";
        case 21:
            return "#CP control protection";
        default:
            return vector < first_interrupt_vector ? "reserved exception" : "interrupt";
    }
}

}  // namespace nestbed::arch
