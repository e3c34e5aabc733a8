#include "vmm/diagnose/cpu_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "shared/arch/control.hpp"

namespace nestbed::vmm {
namespace {

using arch::PageFaultError;
using testing::HasSubstr;

/// What is in brackets behind `name` and its value.
std::string bits_of(const char* name, const CpuState& state) {
    const std::string text = show_registers(state);
    const std::size_t begin = text.find('[', text.find(name)) + 1;
    return text.substr(begin, text.find(']', begin) - begin);
}

std::string cr0_bits(std::uint64_t value) {
    CpuState state{};
    state.special.cr0 = value;
    return bits_of("cr0", state);
}

std::string cr4_bits(std::uint64_t value) {
    CpuState state{};
    state.special.cr4 = value;
    return bits_of("cr4", state);
}

std::string efer_bits(std::uint64_t value) {
    CpuState state{};
    state.special.efer = value;
    return bits_of("efer", state);
}

std::string rflags_bits(std::uint64_t value) {
    CpuState state{};
    state.general.rflags = value;
    return bits_of("rflags", state);
}

TEST(Registers, BitsAreNamedInTheirOrder) {
    EXPECT_EQ(cr0_bits(0x8005'0033), "PE MP ET NE WP AM PG");
    EXPECT_EQ(cr4_bits(arch::cr4::pae | arch::cr4::smep | arch::cr4::la57 | arch::cr4::pcide),
              "PAE LA57 PCIDE SMEP");
    EXPECT_EQ(efer_bits(0xD01), "SCE LME LMA NXE");
    EXPECT_EQ(cr4_bits(0), "");
}

TEST(Registers, BitsWithoutANameAreShownAsANumber) {
    EXPECT_EQ(cr0_bits(arch::cr0::pe | 1ULL << 40 | 1ULL << 7), "PE 0x10000000080");
    EXPECT_EQ(efer_bits(1ULL << 63), "0x8000000000000000");
}

TEST(Registers, RflagsShowIoplAndLeaveOutTheBitThatIsAlwaysSet) {
    EXPECT_EQ(rflags_bits(0x2), "");
    EXPECT_EQ(rflags_bits(0x246), "PF ZF IF");
    EXPECT_EQ(rflags_bits(0x3202), "IF IOPL=3");
    EXPECT_EQ(rflags_bits(0x40000), "AC");
}

TEST(Registers, EveryRegisterIsShownWithItsOwnValue) {
    CpuState state{};
    kvm_regs& r = state.general;
    std::uint64_t value = 0xA0;
    for (auto* field : {&r.rax, &r.rbx, &r.rcx, &r.rdx, &r.rsi, &r.rdi, &r.rbp, &r.rsp, &r.r8,
                        &r.r9, &r.r10, &r.r11, &r.r12, &r.r13, &r.r14, &r.r15, &r.rip}) {
        *field = value++;
    }
    r.rflags = 0x202;
    state.special.cr2 = 0x1234;
    state.special.cr3 = 0x5000;
    state.special.cr0 = arch::cr0::pe;
    state.special.cs.selector = 0x33;
    state.special.gs.base = 0xFFFF;
    state.special.idt = {.base = 0x7000, .limit = 0xFFF, .padding = {}};
    const std::string text = show_registers(state);
    for (const char* part : {"rax 00000000000000a0",
                             "rbx 00000000000000a1",
                             "rcx 00000000000000a2",
                             "rdx 00000000000000a3",
                             "rsi 00000000000000a4",
                             "rdi 00000000000000a5",
                             "rbp 00000000000000a6",
                             "rsp 00000000000000a7",
                             "r8  00000000000000a8",
                             "r9  00000000000000a9",
                             "r10 00000000000000aa",
                             "r11 00000000000000ab",
                             "r12 00000000000000ac",
                             "r13 00000000000000ad",
                             "r14 00000000000000ae",
                             "r15 00000000000000af",
                             "rip 00000000000000b0",
                             "rflags 00000202 [IF]",
                             "cr2 0000000000001234",
                             "cr3 0000000000005000",
                             "cs 0033",
                             "base ffff",
                             "CPL 3",
                             "idt 0000000000007000 limit 0fff"}) {
        EXPECT_THAT(text, HasSubstr(part));
    }
}

channel::TrapFrame trap(std::uint64_t vector, std::uint64_t error_code = 0) {
    channel::TrapFrame frame{};
    frame.vector = vector;
    frame.error_code = error_code;
    return frame;
}

TEST(ExceptionText, PageFaultErrorCodesSayWhoDidWhatAndWhy) {
    EXPECT_EQ(page_fault_text(PageFaultError(0x0)), "supervisor read, page not present");
    EXPECT_EQ(page_fault_text(PageFaultError(0x2)), "supervisor write, page not present");
    EXPECT_EQ(page_fault_text(PageFaultError(0x6)), "user write, page not present");
    EXPECT_EQ(page_fault_text(PageFaultError(0x7)), "user write, forbidden by the entries' rights");
    EXPECT_EQ(page_fault_text(PageFaultError(0x11)),
              "supervisor fetch, forbidden by the entries' rights");
    EXPECT_EQ(page_fault_text(PageFaultError(0x9)),
              "supervisor read, reserved bit set in an entry");
    EXPECT_EQ(page_fault_text(PageFaultError(0x25)), "user read, forbidden by the protection key");
    EXPECT_EQ(page_fault_text(PageFaultError(0x47)),
              "user write, forbidden by the entries' rights, shadow-stack access");
}

TEST(ExceptionText, SelectorErrorCodesNameTheirTable) {
    EXPECT_EQ(selector_error_text(0), "no selector");
    EXPECT_EQ(selector_error_text(0x18), "selector 0x18 of the GDT");
    EXPECT_EQ(selector_error_text(0x1C), "selector 0x18 of the LDT");
    EXPECT_EQ(selector_error_text(0x32), "gate 0x6 of the IDT");
    EXPECT_EQ(selector_error_text(0x33), "gate 0x6 of the IDT, while delivering an event");
}

TEST(ExceptionText, EachKindOfVectorHasItsForm) {
    EXPECT_EQ(exception_text(trap(14, 2), 0x7000),
              "#PF page fault at 0x7000: supervisor write, page not present (error code 0x2)");
    EXPECT_EQ(exception_text(trap(13), 0), "#GP general protection: no selector (error code 0x0)");
    EXPECT_EQ(exception_text(trap(8), 0), "#DF double fault (error code 0x0)");
    EXPECT_EQ(exception_text(trap(6), 0x7000), "#UD invalid opcode");
    EXPECT_EQ(exception_text(trap(0x55), 0), "interrupt 0x55, which has no handler");
    EXPECT_EQ(exception_text(trap(0x1234), 0),
              "a trap with the impossible vector 0x1234: its report is damaged");
}

}  // namespace
}  // namespace nestbed::vmm
