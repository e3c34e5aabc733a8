// Registers of vCPUs that are in another mode than the guests of ours.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "shared/arch/control.hpp"
#include "vmm/diagnose/cpu_text.hpp"
#include "vmm/diagnose/stopped_cpu.hpp"

namespace nestbed::vmm {
namespace {

using testing::HasSubstr;

kvm_segment segment_of_real_mode(std::uint16_t selector, std::uint64_t base) {
    kvm_segment segment{};
    segment.base = base;
    segment.limit = 0xFFFF;
    segment.selector = selector;
    return segment;
}

CpuState real_mode() {
    CpuState state{};
    state.special.cr0 = arch::cr0::et;
    state.special.cs = segment_of_real_mode(0x1237, 0x1'2370);
    state.special.ss = segment_of_real_mode(0x2003, 0x2'0000);
    state.special.ds = segment_of_real_mode(0x3000, 0x3'0000);
    state.general.rip = 0x5678;
    state.general.rsp = 0xFFF0;
    return state;
}

CpuState protected_mode() {
    CpuState state{};
    state.special.cr0 = arch::cr0::pe;
    state.special.cs.selector = 0x08;
    state.special.cs.db = state.special.ss.db = 1;
    state.general.rip = 0x10'0000;
    state.general.rsp = 0x20'0000;
    return state;
}

CpuState compatibility_mode() {
    CpuState state = protected_mode();
    state.special.cr0 |= arch::cr0::pg;
    state.special.cr4 = arch::cr4::pae;
    state.special.efer = arch::efer::lme | arch::efer::lma;
    return state;
}

CpuState virtual_8086_mode() {
    CpuState state = real_mode();
    state.special.cr0 = arch::cr0::pe | arch::cr0::pg;
    state.general.rflags = arch::rflags::virtual_8086;
    return state;
}

TEST(Mode, RealModeHasSegmentsThatBeginAnywhere) {
    const CpuState state = real_mode();
    EXPECT_EQ(state.code_segment().size, CodeSize::bits_16);
    EXPECT_EQ(state.linear_rip(), 0x1'79E8U);
    EXPECT_EQ(state.on_stack(state.general.rsp), 0x2'FFF0U);
    EXPECT_EQ(state.on_stack(0x1'0004), 0x2'0004U) << "SP has 16 bits";
    EXPECT_EQ(state.privilege_level(), 0U) << "its selectors say nothing about it";
    EXPECT_EQ(state.paging().mode, PagingMode::none);
}

TEST(Mode, AnAddressBehindRealModesFirstMegabyteStaysOne) {
    CpuState state = real_mode();
    state.special.cs.base = 0xFFFF'0000;
    state.general.rip = 0xFFF0;
    EXPECT_EQ(state.linear_rip(), 0xFFFF'FFF0U) << "the reset vector";
    state.special.cs.base = 0xFFFF'FFF0;
    EXPECT_EQ(state.linear_rip(), 0xFFE0U) << "linear addresses have 32 bits";
}

TEST(Mode, CodeEndsAndRipIsBehindIt) {
    CpuState state = real_mode();
    state.general.rip = 0;
    state.rip_is_behind = true;
    EXPECT_EQ(state.code(), 0x1'2370U + 0xFFFFU) << "IP wraps around";
    state = protected_mode();
    state.rip_is_behind = true;
    EXPECT_EQ(state.code(), 0xF'FFFFU);
}

TEST(Mode, ProtectedModeWithoutPaging) {
    CpuState state = protected_mode();
    EXPECT_EQ(state.code_segment().size, CodeSize::bits_32);
    EXPECT_EQ(state.paging().mode, PagingMode::none);
    state.general.rip = 0xFFFF'FFFF'0000'1000;
    EXPECT_EQ(state.linear_rip(), 0x1000U);
    EXPECT_EQ(state.on_stack(0x2'0000), 0x2'0000U);
    state.special.ss.db = 0;
    EXPECT_EQ(state.on_stack(0x2'0000), 0U) << "whatever the size of the code";
    state.special.cs.db = 0;
    EXPECT_EQ(state.code_segment().size, CodeSize::bits_16);
}

TEST(Mode, PagingByItsControlBits) {
    CpuState state = protected_mode();
    state.special.cr3 = 0x5000;
    state.special.cr4 = arch::cr4::pae;
    EXPECT_EQ(state.paging().mode, PagingMode::none) << "without CR0.PG";
    state.special.cr0 |= arch::cr0::pg;
    EXPECT_EQ(state.paging().mode, PagingMode::pae);
    EXPECT_FALSE(state.paging().pse);
    state.special.cr4 = arch::cr4::pse;
    EXPECT_EQ(state.paging().mode, PagingMode::bits_32);
    EXPECT_TRUE(state.paging().pse);
    EXPECT_EQ(state.paging().cr3, 0x5000U);
    state.special.cr4 = arch::cr4::pae | arch::cr4::la57;
    EXPECT_EQ(state.paging().mode, PagingMode::pae) << "LA57 counts in long mode";
    state.special.efer = arch::efer::lma;
    EXPECT_EQ(state.paging().mode, PagingMode::five_level);
    state.special.cr4 = arch::cr4::pae;
    EXPECT_EQ(state.paging().mode, PagingMode::four_level);
}

TEST(Mode, LongModeRunsCodeOfThreeSizes) {
    CpuState state = compatibility_mode();
    EXPECT_EQ(state.code_segment().size, CodeSize::bits_32);
    state.special.cs.base = 0x1000;
    EXPECT_EQ(state.linear_rip(), 0x10'1000U);
    state.special.cs.l = 1;
    state.special.cs.db = 0;
    state.special.ss.base = 0x1000;
    state.general.rip = 0xFFFF'8000'0000'0000;
    EXPECT_EQ(state.code_segment().size, CodeSize::bits_64);
    EXPECT_EQ(state.linear_rip(), 0xFFFF'8000'0000'0000U) << "bases are of no effect";
    EXPECT_EQ(state.on_stack(0xFFFF'8000'0000'0000), 0xFFFF'8000'0000'0000U);
    state.special.efer = 0;
    EXPECT_EQ(state.code_segment().size, CodeSize::bits_16) << "L counts in long mode";
}

TEST(Mode, Virtual8086ModeIsAUsers) {
    EXPECT_EQ(virtual_8086_mode().privilege_level(), 3U);
    EXPECT_EQ(virtual_8086_mode().linear_rip(), 0x1'79E8U);
}

TEST(ModeText, NamesModeAndBases) {
    const std::string real = show_registers(real_mode());
    EXPECT_THAT(real, HasSubstr("cs 1237 base 12370  ss 2003 base 20000  ds 3000 base 30000\n"));
    EXPECT_THAT(real, HasSubstr("CPL 0\nreal mode, 16-bit code, no paging\n"));
    EXPECT_THAT(show_registers(protected_mode()),
                HasSubstr("\nprotected mode, 32-bit code, no paging\n"));
    EXPECT_THAT(show_registers(compatibility_mode()),
                HasSubstr("\ncompatibility mode, 32-bit code, 4-level paging\n"));
    EXPECT_THAT(show_registers(virtual_8086_mode()),
                HasSubstr("\nvirtual-8086 mode, 16-bit code, 32-bit paging\n"));
}

StoppedCpu stopped_in(const CpuState& state, std::uint32_t mp_state = KVM_MP_STATE_RUNNABLE) {
    return {.index = 0, .state = state, .mp_state = mp_state};
}

TEST(Activity, NamesTheModeOfWhatRuns) {
    EXPECT_EQ(activity_text(stopped_in(real_mode())), "running in real mode");
    EXPECT_EQ(activity_text(stopped_in(virtual_8086_mode())), "running in virtual-8086 mode");
    EXPECT_EQ(activity_text(stopped_in(protected_mode())), "running in kernel mode");
    EXPECT_EQ(activity_text(stopped_in(real_mode(), KVM_MP_STATE_INIT_RECEIVED)),
              "waiting for INIT and SIPI");
    EXPECT_EQ(activity_text(stopped_in(real_mode(), KVM_MP_STATE_HALTED)),
              "halted, interrupts off: only an NMI can wake it");
    EXPECT_FALSE(stopped_in(real_mode(), KVM_MP_STATE_UNINITIALIZED).runs());
    EXPECT_TRUE(stopped_in(real_mode()).runs());
}

TEST(Reset, IsWhereTheProcessorBeginsNotRealMode) {
    EXPECT_FALSE(stopped_in(real_mode()).is_reset());
    CpuState state = real_mode();
    state.special.cs = segment_of_real_mode(0xF000, 0xFFFF'0000);
    EXPECT_FALSE(stopped_in(state).is_reset());
    state.general.rip = 0xFFF0;
    EXPECT_TRUE(stopped_in(state).is_reset());
}

class StringInstruction : public testing::Test {
  protected:
    StringInstruction() : memory_(map_backing({.kind = Backing::anon}, 2 << 20)) {}

    /// Whether RIP is behind a port access of this code, in this mode with this count.
    bool is_behind(const std::array<std::uint8_t, 5>& code, CpuState state, std::uint64_t rcx) {
        EXPECT_TRUE(memory_.write(state.linear_rip(), code));
        state.general.rcx = rcx;
        kvm_run run{};
        run.exit_reason = KVM_EXIT_IO;
        return is_behind_access(run, state, state.memory(memory_));
    }

    GuestMemory memory_;
};

TEST_F(StringInstruction, IsLookedForInItsSegment) {
    constexpr std::array<std::uint8_t, 5> rep_outsb{0xF3, 0x6E, 0x90, 0x90, 0x90};
    EXPECT_FALSE(is_behind(rep_outsb, real_mode(), 1));
    EXPECT_TRUE(is_behind(rep_outsb, real_mode(), 0x1'0000)) << "CX has 16 bits";
    EXPECT_FALSE(is_behind(rep_outsb, protected_mode(), 0x1'0000));
}

TEST_F(StringInstruction, HasNoRexPrefixOutside64BitCode) {
    // REP INC EAX, which is no string instruction; OUTSB.
    constexpr std::array<std::uint8_t, 5> code{0xF3, 0x40, 0x6E, 0x90, 0x90};
    EXPECT_TRUE(is_behind(code, protected_mode(), 1));
}

}  // namespace
}  // namespace nestbed::vmm
