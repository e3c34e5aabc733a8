#include "vmm/diagnose/stopped_cpu.hpp"

#include <gtest/gtest.h>

#include <array>

#include "shared/arch/control.hpp"
#include "shared/channel/layout.hpp"
#include "tests/unit/diagnose/loaded_guest.hpp"

namespace nestbed::vmm {
namespace {

TEST(CpuState, ATrapReplacesWhatItsFrameSaved) {
    CpuState now{};
    now.general.rax = 1;
    now.special.cr0 = arch::cr0::pe;
    now.special.cr3 = 0x5000;
    channel::PanicReport report{};
    report.cr2 = 0xCAFE;
    report.trap = {.r15 = 15,
                   .r14 = 14,
                   .r13 = 13,
                   .r12 = 12,
                   .r11 = 11,
                   .r10 = 10,
                   .r9 = 9,
                   .r8 = 8,
                   .rbp = 0xB9,
                   .rdi = 0xD1,
                   .rsi = 0x51,
                   .rdx = 0xD,
                   .rcx = 0xC,
                   .rbx = 0xB,
                   .rax = 0xA,
                   .vector = 14,
                   .error_code = 6,
                   .rip = 0x1000,
                   .cs = 0x33,
                   .rflags = 0x202,
                   .rsp = 0x2000,
                   .ss = 0x2B};
    const CpuState state = state_at_trap(now, report);
    EXPECT_EQ(state.general.rax, 0xAU);
    EXPECT_EQ(state.general.rbx, 0xBU);
    EXPECT_EQ(state.general.rcx, 0xCU);
    EXPECT_EQ(state.general.rdx, 0xDU);
    EXPECT_EQ(state.general.rsi, 0x51U);
    EXPECT_EQ(state.general.rdi, 0xD1U);
    EXPECT_EQ(state.general.rbp, 0xB9U);
    EXPECT_EQ(state.general.r8, 8U);
    EXPECT_EQ(state.general.r15, 15U);
    EXPECT_EQ(state.general.rip, 0x1000U);
    EXPECT_EQ(state.general.rsp, 0x2000U);
    EXPECT_EQ(state.general.rflags, 0x202U);
    EXPECT_EQ(state.special.cr2, 0xCAFEU);
    EXPECT_EQ(state.special.cr3, 0x5000U);
    EXPECT_EQ(state.privilege_level(), 3U);
}

TEST(CpuState, ControlBitsDecideTheWalk) {
    CpuState state{};
    channel::Features features{};
    features.max_physical_bits = 40;
    EXPECT_EQ(state.paging().mode, PagingMode::none);
    EXPECT_FALSE(state.control_state(features).wp);
    state.special.cr0 = arch::cr0::pe | arch::cr0::pg | arch::cr0::wp;
    state.special.cr4 = arch::cr4::smep | arch::cr4::smap | arch::cr4::la57;
    state.special.efer = arch::efer::lma | arch::efer::nxe;
    state.general.rflags = arch::rflags::alignment_check;
    const paging::ControlState control = state.control_state(features);
    EXPECT_EQ(state.paging().mode, PagingMode::five_level);
    EXPECT_TRUE(control.wp && control.smep && control.smap && control.la57 && control.ac);
    EXPECT_TRUE(control.format.nxe);
    EXPECT_FALSE(control.format.pages_1g);
    EXPECT_EQ(control.format.maxphyaddr, 40);
    EXPECT_FALSE(control.format.root_global_reserved);
    features.vendor = arch::cpuid::Vendor::amd;
    EXPECT_TRUE(state.control_state(features).format.root_global_reserved);
}

/// Code in a page of its own.
class WhereRipStands : public testing::Test {
  protected:
    WhereRipStands()
        : guest_("crash"), page_(guest_.new_page()), code_(channel::layout::direct_map + page_) {}

    /// An address behind `bytes`.
    template <typename... Bytes>
    std::uint64_t behind(Bytes... bytes) {
        const std::array code{static_cast<std::uint8_t>(bytes)...};
        EXPECT_TRUE(guest_.memory().write(page_ + 16, code));
        return code_ + 16 + code.size();
    }

    template <typename... Bytes>
    bool is_behind_trap(std::uint64_t vector, Bytes... bytes) {
        return vmm::is_behind_trap(vector, behind(bytes...), guest_.virtual_memory());
    }

    /// With RIP at `bytes`.
    template <typename... Bytes>
    bool is_behind_access(const kvm_run& run, std::uint64_t rcx, Bytes... bytes) {
        CpuState state = guest_.cpu_state();
        state.general.rip = behind(bytes...) - sizeof...(bytes);
        state.general.rcx = rcx;
        return vmm::is_behind_access(run, state, guest_.virtual_memory());
    }

    static kvm_run exit(std::uint32_t reason, bool is_write = false) {
        kvm_run run{};
        run.exit_reason = reason;
        if (reason == KVM_EXIT_MMIO) {
            run.mmio.is_write = is_write ? 1 : 0;
        }
        return run;
    }

    test::LoadedGuest guest_;
    std::uint64_t page_;
    std::uint64_t code_;
};

TEST_F(WhereRipStands, BehindInstructionsThatRaiseAnException) {
    EXPECT_TRUE(is_behind_trap(3, 0x90, 0xCC)) << "INT3";
    EXPECT_TRUE(is_behind_trap(1, 0x90, 0xF1)) << "INT1";
    EXPECT_TRUE(is_behind_trap(0x55, 0xCD, 0x55)) << "INT n";
    EXPECT_TRUE(is_behind_trap(3, 0xCD, 0x03));
}

TEST_F(WhereRipStands, AtWhatFaultsAndAtWhatIsInterrupted) {
    EXPECT_FALSE(is_behind_trap(14, 0x90, 0xCC));
    EXPECT_FALSE(is_behind_trap(1, 0x90, 0x90)) << "a single step, perhaps from somewhere else";
    EXPECT_FALSE(is_behind_trap(0x55, 0xCD, 0x56));
    EXPECT_FALSE(vmm::is_behind_trap(3, 0x1001, guest_.virtual_memory())) << "no memory";
}

TEST_F(WhereRipStands, BehindWhatKvmHasCompleted) {
    constexpr int next = 0x90;
    EXPECT_TRUE(is_behind_access(exit(KVM_EXIT_IO), 1, next, next, next, next, next));
    EXPECT_TRUE(is_behind_access(exit(KVM_EXIT_MMIO, true), 1, next, next, next, next, next));
    EXPECT_FALSE(is_behind_access(exit(KVM_EXIT_MMIO, false), 1, next, next, next, next, next));
    EXPECT_FALSE(is_behind_access(exit(KVM_EXIT_INTR), 1, next, next, next, next, next));
    EXPECT_FALSE(is_behind_access(exit(KVM_EXIT_SHUTDOWN), 1, next, next, next, next, next));
}

TEST_F(WhereRipStands, AtAStringInstructionThatIsNotOver) {
    const kvm_run out = exit(KVM_EXIT_IO);
    const kvm_run store = exit(KVM_EXIT_MMIO, true);
    EXPECT_FALSE(is_behind_access(out, 1, 0xF3, 0x6E, 0x90, 0x90, 0x90)) << "REP OUTSB";
    EXPECT_FALSE(is_behind_access(out, 1, 0x66, 0xF3, 0x6D, 0x90, 0x90)) << "REP INSW";
    EXPECT_FALSE(is_behind_access(store, 1, 0xF3, 0x48, 0xAB, 0x90, 0x90)) << "REP STOSQ";
    EXPECT_FALSE(is_behind_access(store, 1, 0xF3, 0xA4, 0x90, 0x90, 0x90)) << "REP MOVSB";
    EXPECT_TRUE(is_behind_access(store, 0, 0xF3, 0x48, 0xAB, 0x90, 0x90)) << "over";
    EXPECT_TRUE(is_behind_access(store, 1, 0x48, 0xAB, 0x90, 0x90, 0x90)) << "no REP";
    EXPECT_TRUE(is_behind_access(store, 1, 0xF3, 0x90, 0x90, 0x90, 0x90)) << "PAUSE";
}

}  // namespace
}  // namespace nestbed::vmm
