// What a diagnosis says of guests that are not ours, in modes that ours are never in: a few bytes
// of code, in a machine that has nothing but memory and a vCPU.

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "shared/arch/control.hpp"
#include "tests/vmm/kvm_test.hpp"
#include "vmm/diagnose/diagnosis.hpp"
#include "vmm/memory/backing.hpp"

namespace nestbed::vmm {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::uint64_t code_at = 0x1000;

class ForeignDiagnosis : public test::KvmTest {
  protected:
    ForeignDiagnosis() : memory_(map_backing({.kind = Backing::anon}, 2 << 20)) {}

    /// Runs `code` to its end, with registers that `change` has been at; before it they are those
    /// of real mode at `code_at`.
    Diagnosis run(
        const std::vector<std::uint8_t>& code,
        const std::function<void(kvm_sregs&, kvm_regs&)>& change = [](kvm_sregs&, kvm_regs&) {}) {
        constexpr std::uint64_t tss_address = 0xFFFB'D000;
        kvm::Vm vm = system().create_vm();
        vm.set_tss_address(tss_address);
        vm.create_irqchip();
        vm.set_memory_slot(0, 0, memory_.size(), memory_.host().address());
        std::ranges::transform(code, memory_.at(code_at, code.size()),
                               [](std::uint8_t byte) { return std::byte{byte}; });
        Vcpus vcpus(system(), vm, 1);
        kvm_sregs special = vcpus[0].special_registers();
        kvm_regs general{};
        special.cs.base = code_at;
        special.cs.selector = code_at >> 4;
        general.rsp = 0x8000;
        general.rflags = arch::rflags::reserved_one;
        change(special, general);
        vcpus[0].set_special_registers(special);
        vcpus[0].set_registers(general);
        const Outcome outcome =
            vcpus.run(ExitTable(), Placement::free, std::chrono::seconds(10), {});
        const std::vector<std::string> lines{"hello"};
        return diagnose({.memory = memory_, .vcpus = vcpus, .file = {}}, outcome,
                        {lines, 2, "serial line"}, DebugInformation::use);
    }

    void put(std::uint64_t at, std::uint64_t value) { ASSERT_TRUE(memory_.write(at, value)); }

    /// Flat segments of 32 bits, with paging by the tables at 0x4000.
    static void enter_protected_mode(kvm_sregs& special, kvm_regs& general, std::uint64_t cr4) {
        special.cs.base = 0;
        special.cs.selector = 8;
        special.ss.selector = 16;
        for (kvm_segment* segment : {&special.cs, &special.ds, &special.es, &special.ss}) {
            segment->limit = 0xFFFF'FFFF;
            segment->g = segment->db = 1;
        }
        special.cs.type = 11;
        special.cr0 = arch::cr0::pe | arch::cr0::et | arch::cr0::pg | arch::cr0::wp;
        special.cr3 = 0x4000;
        special.cr4 = cr4;
        general.rip = code_at;
        general.rbp = 0;
    }

    GuestMemory memory_;
};

const std::vector<std::uint8_t> write_to_port{0xB0, 0x41, 0xE6, 0x99, 0xF4};

TEST_F(ForeignDiagnosis, RealMode) {
    const Diagnosis diagnosis = run(write_to_port);
    EXPECT_EQ(
        diagnosis.summary,
        "a 1-byte write to port 0x99, which is no port of this machine, in 0x1003, on vCPU 0");
    EXPECT_THAT(diagnosis.report,
                AllOf(HasSubstr("cs 0100 base 1000  ss "), HasSubstr("real mode, 16-bit code, no"),
                      HasSubstr("=> 00001004  f4 "), HasSubstr("backtrace (by frame pointers)\n"),
                      Not(HasSubstr("page walk")), HasSubstr("(ends here: 16-bit code)"),
                      HasSubstr("serial line: the last 1 of 3 log lines\n  hello")));
}

TEST_F(ForeignDiagnosis, TwoLevels) {
    put(0x4000, 0x87);
    const Diagnosis diagnosis = run(write_to_port, [](kvm_sregs& special, kvm_regs& general) {
        enter_protected_mode(special, general, arch::cr4::pse);
    });
    EXPECT_THAT(diagnosis.summary, StartsWith("a 1-byte write to port 0x99"));
    EXPECT_THAT(diagnosis.report, AllOf(HasSubstr("protected mode, 32-bit code, 32-bit paging\n"),
                                        HasSubstr("=> 00001004  f4 "),
                                        HasSubstr("page walk of RIP 0x1004, supervisor fetch\n"),
                                        HasSubstr(" P W U A PS -> 4 MiB page 0x0\n"),
                                        HasSubstr("=> physical 0x1004 (a 4 MiB page: ")));
}

TEST_F(ForeignDiagnosis, ThreeLevels) {
    put(0x4000, 0x5001);
    put(0x5000, 0x83);
    const Diagnosis diagnosis = run(write_to_port, [](kvm_sregs& special, kvm_regs& general) {
        enter_protected_mode(special, general, arch::cr4::pae);
    });
    EXPECT_THAT(diagnosis.report, AllOf(HasSubstr("protected mode, 32-bit code, PAE paging\n"),
                                        // QEMU's processor sets bit 5.
                                        HasSubstr("PDPTE   0 at 0x4000: 00000000000050"),
                                        HasSubstr(" P -> table 0x5000"),
                                        HasSubstr("=> physical 0x1004 (a 2 MiB page: ")));
}

TEST_F(ForeignDiagnosis, ATripleFault) {
    const Diagnosis diagnosis =
        run({0xCC}, [](kvm_sregs& special, kvm_regs&) { special.idt.limit = 0; });
    EXPECT_THAT(diagnosis.summary, StartsWith("triple fault (KVM_EXIT_SHUTDOWN)"));
    if (diagnosis.report.find("KVM has reset this vCPU") != std::string::npos) {
        EXPECT_THAT(diagnosis.report, AllOf(Not(HasSubstr("has left")), Not(HasSubstr("code\n"))));
    } else {
        EXPECT_THAT(diagnosis.report, HasSubstr("=> 00001000  cc "));
    }
}

}  // namespace
}  // namespace nestbed::vmm
