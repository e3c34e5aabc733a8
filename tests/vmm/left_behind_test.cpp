// What a diagnosis finds in guest memory when KVM has reset a vCPU: here of guests that are well,
// since KVM resets none on most hosts.

#include "vmm/diagnose/left_behind.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <cstring>

#include "kvm_test.hpp"
#include "shared/channel/layout.hpp"
#include "shared/paging/walk.hpp"
#include "vmm/memory/virtual_memory.hpp"
#include "vmm/run/test_runner.hpp"

namespace nestbed::vmm {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

paging::WalkResult walk_of(const Machine& machine, std::uint64_t address) {
    const paging::WindowReader reader{HostTableWindow{machine.memory()}};
    return paging::walk(reader, machine.boot_root(), address, paging::Access{}, {});
}

std::string left_behind_of(const Machine& machine, const Guest& guest, std::uint32_t cpu) {
    const StoppedMachine now = stopped(machine, guest);
    return show_left_behind(now, *now.own, Symbols(now.file), cpu);
}

class LeftBehindTest : public test::KvmTest {
  protected:
    /// Of vCPU `cpu`, when `guest_name`.`test_name` has passed and `change` has been at its memory.
    std::string left_behind(
        std::string_view guest_name, std::string_view test_name, std::uint32_t cpu,
        const std::function<void(const Machine&)>& change = [](const Machine&) {}) {
        const test::GuestAndTest subject(guest_name, test_name);
        TestSettings settings;
        settings.inspect = [&](const Machine& machine, TestResult& result, const std::stop_token&) {
            change(machine);
            result.log = {left_behind_of(machine, subject.guest, cpu)};
        };
        const TestResult result = run_test(system(), subject.guest, subject.test, settings, {});
        EXPECT_EQ(result.verdict, Verdict::passed) << result.reason;
        return result.log.empty() ? "" : result.log.front();
    }
};

TEST_F(LeftBehindTest, NothingOfACpuThatTrappedNever) {
    EXPECT_THAT(
        left_behind("boot", "empty", 0),
        AllOf(HasSubstr(": leads to all of the kernel image\n"),
              HasSubstr("NMI stack: no trap frame\n"),
              HasSubstr("double-fault stack: no trap frame\n"), Not(HasSubstr("about to"))));
}

TEST_F(LeftBehindTest, TheRootThatItHasLoaded) {
    // The guest notes it; KVM knows it, since this vCPU was not reset.
    const test::GuestAndTest subject("paging", "map_and_read_back");
    TestSettings settings;
    settings.inspect = [&](const Machine& machine, TestResult& result, const std::stop_token&) {
        const std::uint64_t cr3 = machine.vcpu(0).special_registers().cr3;
        result.log = {left_behind_of(machine, subject.guest, 0),
                      fmt::format("root {:x}: leads to all of the kernel image\n", cr3),
                      cr3 == machine.boot_root().address().raw() ? "boot's" : "its own"};
    };
    const TestResult result = run_test(system(), subject.guest, subject.test, settings, {});
    ASSERT_EQ(result.log.size(), 3U) << result.reason;
    EXPECT_THAT(result.log[0], AllOf(HasSubstr(result.log[1]), Not(HasSubstr("about to"))));
    EXPECT_EQ(result.log[2], "its own");
}

TEST_F(LeftBehindTest, TheRootThatItWasAboutToLoad) {
    const test::GuestAndTest subject("boot", "empty");
    const std::uint64_t place =
        subject.guest.image().note().runtime.marks.address + offsetof(channel::CpuMarks, next_root);
    const auto note = [&](const Machine& machine) {
        constexpr std::uint64_t nowhere = 0x123000;
        std::memcpy(machine.memory().at(walk_of(machine, place).translation.address.raw(), 8),
                    &nowhere, sizeof nowhere);
    };
    EXPECT_THAT(left_behind("boot", "empty", 0, note),
                HasSubstr("about to load 123000: does not lead to the kernel image: "));
}

TEST_F(LeftBehindTest, TheTrapsOfUserMode) {
    EXPECT_THAT(left_behind("user", "may_not_touch_the_kernel", 0),
                AllOf(HasSubstr("stack for interrupts and exceptions of user mode: "),
                      HasSubstr(", in user mode at ")));
}

TEST_F(LeftBehindTest, AnNmi) {
    EXPECT_THAT(left_behind("exceptions", "nmi_comes_through_with_interrupts_off", 1),
                HasSubstr("NMI stack: NMI, in kernel mode at "));
}

TEST_F(LeftBehindTest, ARootWithoutTheKernel) {
    const auto take_kernel_away = [](const Machine& machine) {
        constexpr std::uint64_t half = 256;
        const std::uint64_t kernel = machine.boot_root().address().raw() + half * 8;
        std::memset(machine.memory().at(kernel, half * 8), 0, half * 8);
    };
    EXPECT_THAT(left_behind("boot", "empty", 0, take_kernel_away),
                HasSubstr(": does not lead to the kernel image: 0xffffffffc0000000 is not mapped"));
}

TEST_F(LeftBehindTest, APageOfTheKernelThatIsElsewhere) {
    const auto swap_pages = [](const Machine& machine) {
        const paging::WalkResult walk = walk_of(machine, channel::layout::kernel_image);
        const paging::WalkStep& leaf = walk.trace.back();
        std::byte* const entry = machine.memory().at(leaf.entry.raw(), 8);
        const std::uint64_t elsewhere = leaf.raw + 0x1000;
        std::memcpy(entry, &elsewhere, sizeof elsewhere);
    };
    EXPECT_THAT(left_behind("boot", "empty", 0, swap_pages),
                HasSubstr("does not lead to the kernel image: 0xffffffffc0000000 is at "));
}

}  // namespace
}  // namespace nestbed::vmm
