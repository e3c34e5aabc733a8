#include "vmm/kut/qemu_options.hpp"

#include <gmock/gmock.h>

#include "tests/unit/kut/refusal.hpp"

namespace nestbed::vmm {
namespace {

using test::refusal_of;
using test::request_of;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(QemuOptions, WithoutAnyThereIsQemusDefaultMachine) {
    const QemuRequest request = request_of("");
    EXPECT_EQ(request.kind, QemuRequest::Kind::machine);
    EXPECT_EQ(request.pc, (PcSettings{.cpu = {.name = "qemu64"}}));
    EXPECT_EQ(request.pc.memory, 128U << 20);
    EXPECT_EQ(request.pc.cpus, 1U);
    EXPECT_EQ(request.kernel, "");
}

TEST(QemuOptions, AsTheScriptsGiveThem) {
    const QemuRequest request = request_of(
        "--no-reboot -nodefaults -global kvm-pit.lost_tick_policy=discard -device pc-testdev "
        "-device isa-debug-exit,iobase=0xf4,iosize=0x4 -display none -serial stdio "
        "-device pci-testdev -machine accel=kvm -kernel x86/a.flat -smp 2 -append 'b c' "
        "-cpu max,+svm -m 4g -initrd /tmp/environment");
    EXPECT_EQ(request.kernel, "x86/a.flat");
    EXPECT_EQ(request.initrd, "/tmp/environment");
    EXPECT_EQ(request.pc.command_line, "b c");
    EXPECT_EQ(request.pc.cpus, 2U);
    EXPECT_EQ(request.pc.memory, 4ULL << 30);
    EXPECT_EQ(request.pc.cpu.name, "max");
    EXPECT_FALSE(request.pc.pit_reinjects);
    EXPECT_THAT(request.warnings, IsEmpty());
}

TEST(QemuOptions, HaveOneDashOrTwo) {
    EXPECT_EQ(request_of("--m 64").pc.memory, 64U << 20);
    EXPECT_THAT(refusal_of("---m 64"), HasSubstr("no option ---m"));
}

TEST(QemuOptions, AskForMoreThanAMachine) {
    EXPECT_EQ(request_of("-h").kind, QemuRequest::Kind::help);
    EXPECT_EQ(request_of("--help").kind, QemuRequest::Kind::help);
    EXPECT_EQ(request_of("--version").kind, QemuRequest::Kind::version);
    EXPECT_EQ(request_of("-device '?'").kind, QemuRequest::Kind::devices);
    EXPECT_EQ(request_of("-device help").kind, QemuRequest::Kind::devices);
    EXPECT_EQ(request_of("-h -device help").kind, QemuRequest::Kind::help);
    EXPECT_THAT(qemu_device_list(), HasSubstr("\"pc-testdev\""));
}

TEST(QemuOptions, TheLastOfOneKindCounts) {
    const QemuRequest request = request_of("-m 16 -m 32 -smp 2 -smp 3 -cpu max,+vmx -cpu host");
    EXPECT_EQ(request.pc.memory, 32U << 20);
    EXPECT_EQ(request.pc.cpus, 3U);
    EXPECT_EQ(request.pc.cpu.name, "host");
    EXPECT_THAT(request.pc.cpu.features, IsEmpty());
}

TEST(QemuOptions, AMachineIsAPcWithProperties) {
    EXPECT_TRUE(request_of("-machine vmport=on").pc.vmport);
    EXPECT_FALSE(request_of("-machine vmport=on -machine vmport=off").pc.vmport);
    EXPECT_FALSE(request_of("-machine pit=off -machine accel=kvm").pc.pit);
    EXPECT_TRUE(request_of("-M q35,pit=on").pc.pit);
    for (const char* good : {"pc", "q35", "pc-i440fx-9.0", "pc-q35-9.0,accel=kvm", "type=pc",
                             "kernel_irqchip=on", "kernel-irqchip=on"}) {
        EXPECT_NO_THROW(request_of(fmt::format("-machine {}", good))) << good;
    }
}

TEST(QemuOptions, OtherMachinesAreRefused) {
    EXPECT_EQ(refusal_of("-M microvm"), "this machine is a PC (pc, q35), not microvm");
    EXPECT_EQ(refusal_of("-machine accel=tcg"), "this machine runs on KVM, not on tcg");
    EXPECT_EQ(refusal_of("-accel tcg"), "this machine runs on KVM, not on tcg");
    EXPECT_EQ(refusal_of("-M q35,kernel-irqchip=split"),
              "this machine has its interrupt controllers in the kernel, not "
              "kernel-irqchip=split");
    EXPECT_THAT(refusal_of("-machine kernel_irqchip=off"), HasSubstr("in the kernel"));
    EXPECT_EQ(refusal_of("-machine smm=on"), "this machine has no property smm=on");
    EXPECT_THAT(refusal_of("-machine pit=maybe"), HasSubstr("neither on nor off"));
    EXPECT_THAT(refusal_of("-accel kvm,dirty-ring-size=4096"), HasSubstr("dirty-ring-size"));
}

TEST(QemuOptions, KvmIsThereAnyway) {
    EXPECT_EQ(request_of("-enable-kvm -accel kvm").pc, request_of("").pc);
}

TEST(QemuOptions, DevicesAreThoseOfTests) {
    EXPECT_TRUE(request_of("-device hyperv-testdev").pc.hyperv_test_device);
    EXPECT_FALSE(request_of("-device pc-testdev").pc.hyperv_test_device);
    EXPECT_EQ(refusal_of("-device intel-iommu,intremap=on"),
              "this machine has no device intel-iommu");
    EXPECT_THAT(refusal_of("-device isa-debug-exit,iobase=0x501,iosize=0x4"),
                HasSubstr("iobase=0xf4"));
    EXPECT_THAT(refusal_of("-device isa-debug-exit"), HasSubstr("iobase=0xf4"));
    EXPECT_THAT(refusal_of("-device pc-testdev,x=y"), HasSubstr("no device pc-testdev"));
}

TEST(QemuOptions, MemoryIsWholeMebibytes) {
    EXPECT_EQ(request_of("-m 256").pc.memory, 256U << 20);
    EXPECT_EQ(request_of("-m 256M").pc.memory, 256U << 20);
    EXPECT_EQ(request_of("-m size=2G").pc.memory, 2ULL << 30);
    EXPECT_EQ(request_of("-m 65536K").pc.memory, 64U << 20);
    EXPECT_EQ(request_of("-m 64g").pc.memory, 64ULL << 30);
    for (const char* bad :
         {"0", "1K", "7", "8193K", "65g", "18446744073709551615", "18446744073709M", "-1", "x",
          "''", "1.5g", "256M,slots=2", "slots=2"}) {
        EXPECT_NE(refusal_of(fmt::format("-m {}", bad)), "no error") << bad;
    }
}

TEST(QemuOptions, CpusAreCounted) {
    EXPECT_EQ(request_of("-smp 64").pc.cpus, 64U);
    EXPECT_EQ(request_of("-smp cpus=4").pc.cpus, 4U);
    for (const char* bad : {"0", "-1", "x", "''", "1,2", "cpus=", "4,cores=0", "4,books=2"}) {
        EXPECT_NE(refusal_of(fmt::format("-smp {}", bad)), "no error") << bad;
    }
}

TEST(QemuOptions, TheMostCpusAreTheLastWordOfTheRefusal) {
    for (const char* many : {"65", "1024", "18446744073709551615"}) {
        const std::string text = refusal_of(fmt::format("-smp {}", many));
        EXPECT_THAT(text, HasSubstr("SMP CPUs")) << many;
        EXPECT_THAT(text, EndsWith(" (64)")) << many;
    }
}

TEST(QemuOptions, HowCpusAreGroupedIsWarnedOf) {
    const QemuRequest request = request_of("-smp 4,sockets=2,maxcpus=4");
    EXPECT_EQ(request.pc.cpus, 4U);
    EXPECT_THAT(request.warnings, ElementsAre(HasSubstr("warning: -smp sockets"),
                                              HasSubstr("warning: -smp maxcpus")));
}

TEST(QemuOptions, PowerManagementCanBeTheGuests) {
    EXPECT_TRUE(request_of("-overcommit cpu-pm=on").pc.cpu_power_management);
    EXPECT_FALSE(request_of("-overcommit cpu-pm=off").pc.cpu_power_management);
    EXPECT_THAT(refusal_of("-overcommit mem-lock=on"), HasSubstr("mem-lock"));
}

TEST(QemuOptions, TheTimersLostTicks) {
    EXPECT_TRUE(request_of("").pc.pit_reinjects);
    EXPECT_TRUE(request_of("-global kvm-pit.lost_tick_policy=delay").pc.pit_reinjects);
    for (const char* bad :
         {"kvm-pit.lost_tick_policy=slew", "kvm-pit.lost_tick_policy=", "a.b=c", "''"}) {
        EXPECT_THAT(refusal_of(fmt::format("-global {}", bad)), HasSubstr("no global property"))
            << bad;
    }
}

TEST(QemuOptions, OutputGoesToStandardOutput) {
    EXPECT_NO_THROW(request_of("-nographic -vnc none -monitor none -serial stdio -display none"));
    EXPECT_EQ(refusal_of("-display gtk"), "this machine has nothing but none there, not gtk");
    EXPECT_EQ(refusal_of("-serial file:x"), "this machine has nothing but stdio there, not file:x");
}

TEST(QemuOptions, OthersAreRefused) {
    EXPECT_EQ(refusal_of("-drive file=x"), "this machine has no option -drive");
    EXPECT_EQ(refusal_of("-machin pc"),
              "this machine has no option -machin; did you mean -machine?");
    EXPECT_EQ(refusal_of("x.img"), "this machine has no disk for x.img");
    EXPECT_EQ(refusal_of("''"), "this machine has no disk for ");
    EXPECT_EQ(refusal_of("-m"), "-m needs a value");
    EXPECT_THAT(refusal_of("-\x1b"), HasSubstr("\\x1b"));
}

TEST(QemuOptions, HaveLimits) {
    EXPECT_NO_THROW(request_of("-append " + std::string(4096, 'x')));
    EXPECT_THAT(refusal_of("-append " + std::string(4097, 'x')), HasSubstr("4096 characters"));
    const std::vector<std::string> zero{"-append", std::string(1, '\0')};
    EXPECT_THROW(read_qemu_options(zero), Error);
    const std::vector<std::string> many(1001, "-nographic");
    EXPECT_THROW(read_qemu_options(many), Error);
}

}  // namespace
}  // namespace nestbed::vmm
