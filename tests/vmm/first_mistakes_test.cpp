// The mistakes that a new author of tests makes first (guest/suites/mistakes.cpp): each is
// named, with the remedy or the place where it is to be sought.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "crash_test.hpp"

namespace nestbed::vmm {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class FirstMistakes : public test::CrashTest {
  protected:
    FirstMistakes() : CrashTest("mistakes") {}

    std::string reason(const std::string& name,
                       std::chrono::milliseconds timeout = std::chrono::seconds(20)) {
        return failed(name, timeout).reason;
    }
    std::string reason_of_hang(const std::string& name) {
        return reason(name, std::chrono::seconds(2));
    }
};

TEST_F(FirstMistakes, MoreCpusThanThereAre) {
    EXPECT_THAT(reason("too_many_cpus"),
                StartsWith("panic: this test has 1 vCPU: ask for more with .cpus, in "
                           "guest_test_mistakes_too_many_cpus (guest/suites/mistakes.cpp:"));
    EXPECT_THAT(reason("start_on_a_missing_cpu"),
                StartsWith("panic: this test has 2 vCPUs: ask for more with .cpus, in "));
    EXPECT_THAT(reason("wait_for_a_missing_cpu"), StartsWith("panic: this test has 1 vCPU: "));
    EXPECT_THAT(reason("interrupt_to_a_missing_cpu"), StartsWith("panic: this test has 1 vCPU: "));
    EXPECT_THAT(reason("nmi_to_a_missing_cpu"), StartsWith("panic: this test has 1 vCPU: "));
    EXPECT_THAT(reason("rendezvous_of_too_many"),
                StartsWith("panic: this test has 2 vCPUs: ask for more with .cpus, in "
                           "guest_test_mistakes_rendezvous_of_too_many ("));
    EXPECT_THAT(reason("static_rendezvous_of_too_many"),
                StartsWith("panic: this test has 2 vCPUs: "));
}

// A call that ends a test is a jump, and the test is not on the stack.
TEST_F(FirstMistakes, APanicIsNeverPlacedBelowTheTest) {
    EXPECT_THAT(reason("wait_for_a_missing_cpu"),
                AllOf(HasSubstr("wait_for (guest/kernel/smp.cpp:"), Not(HasSubstr("guest_start"))));
}

TEST_F(FirstMistakes, WorkForACpuThatTakesNone) {
    EXPECT_THAT(reason("start_on_the_first_cpu"),
                StartsWith("panic: vCPU 0 runs the test and takes no work, in "));
    EXPECT_THAT(reason("start_on_a_busy_cpu"),
                StartsWith("panic: work for a vCPU that has some: wait_for it first, in "
                           "guest_test_mistakes_start_on_a_busy_cpu ("));
    EXPECT_THAT(reason("wait_for_the_first_cpu"),
                StartsWith("panic: vCPU 0 runs the test and takes no work: meet it in a "));
    EXPECT_THAT(reason("wait_for_oneself"),
                AllOf(StartsWith("panic: a vCPU that waits for its own work would never end: "),
                      HasSubstr(", on vCPU 1")));
}

TEST_F(FirstMistakes, WorkThatIsNotWaitedFor) {
    EXPECT_THAT(reason("work_that_nobody_waits_for"),
                StartsWith("panic: vCPU 1 has work that was not waited for, in "));
    EXPECT_THAT(reason("work_that_still_runs"),
                StartsWith("panic: vCPU 1 has work that was not waited for, in "));
}

TEST_F(FirstMistakes, NoCpuAtAll) {
    EXPECT_THAT(reason("run_on_no_cpus"), StartsWith("panic: run_on_cpus on no vCPU: "));
    EXPECT_THAT(reason("rendezvous_of_none"), StartsWith("panic: a Rendezvous of no vCPU: "));
}

TEST_F(FirstMistakes, KernelStackOverflow) {
    const TestResult result = failed("stack_overflow");
    EXPECT_THAT(result.reason,
                AllOf(StartsWith("stack overflow of vCPU 0: its kernel stack has 16 KiB (#DF "),
                      HasSubstr(", in recurse_too_deep (guest/suites/mistakes.cpp:")));
    EXPECT_THAT(result.diagnosis, AllOf(HasSubstr("more times)"), HasSubstr("recurse_too_deep ("),
                                        HasSubstr("guest_test_mistakes_stack_overflow ("),
                                        HasSubstr("page walk of CR2 0xffffffff")));
    EXPECT_THAT(
        reason("stack_overflow_of_second_cpu"),
        AllOf(StartsWith("stack overflow of vCPU 1: its kernel stack "), HasSubstr(", on vCPU 1")));
}

TEST_F(FirstMistakes, ALargeFrameDoesNotJumpOverTheGuard) {
    const TestResult result = failed("stack_overflow_by_large_frames");
    EXPECT_THAT(result.reason, StartsWith("stack overflow of vCPU 0: its kernel stack "));
    EXPECT_THAT(result.diagnosis, HasSubstr("guest_test_mistakes_stack_overflow_by_large_frames ("))
        << "the frames above the overflow are whole";
    EXPECT_THAT(reason("large_frame_in_user_mode"),
                AllOf(StartsWith("stack overflow of vCPU 0: its user stack has 4 KiB (#PF "),
                      HasSubstr("large_frame_in_user_mode (guest/suites/mistakes.cpp:")));
}

TEST_F(FirstMistakes, StackOverflowInHandlers) {
    const TestResult interrupt = failed("stack_overflow_in_interrupt_handler");
    EXPECT_THAT(interrupt.reason, StartsWith("stack overflow of vCPU 0: its kernel stack "));
    EXPECT_THAT(interrupt.diagnosis,
                AllOf(HasSubstr("-- interrupt 0x55 --"),
                      HasSubstr("guest_test_mistakes_stack_overflow_in_interrupt_handler (")));
    EXPECT_THAT(reason("stack_overflow_in_nmi_handler"),
                StartsWith("stack overflow of vCPU 0: its NMI stack has 8 KiB "));
    EXPECT_THAT(reason("stack_overflow_in_interrupt_of_user_mode"),
                StartsWith("stack overflow of vCPU 0: its stack for interrupts and exceptions of "
                           "user mode has 8 KiB "));
}

// Such a handler starts again at the top of its stack, for ever; or, where its fault cannot be
// delivered, it is a triple fault, after which AMD's processors have nothing to tell.
TEST_F(FirstMistakes, StackOverflowInTheDoubleFaultHandler) {
    EXPECT_THAT(reason_of_hang("stack_overflow_in_double_fault_handler"),
                AnyOf(HasSubstr("stack overflow of vCPU 0: its double-fault stack has 8 KiB"),
                      StartsWith("triple fault")));
}

TEST_F(FirstMistakes, NoScopeCatchesAStackOverflow) {
    EXPECT_THAT(reason("stack_overflow_in_scope"),
                StartsWith("stack overflow of vCPU 0: its kernel stack "));
}

TEST_F(FirstMistakes, UserStackOverflowThatTheTestIgnores) {
    const TestResult result = failed("stack_overflow_in_user_mode");
    EXPECT_THAT(result.reason,
                AllOf(StartsWith("stack overflow of vCPU 0: its user stack has 4 KiB (#PF "),
                      HasSubstr(", in recurse_in_user_mode (guest/suites/mistakes.cpp:")));
    EXPECT_THAT(result.diagnosis, HasSubstr("user_entry ("));
}

TEST_F(FirstMistakes, UserCodeThatReachesIntoTheKernelImage) {
    EXPECT_THAT(
        reason("user_calls_kernel"),
        AllOf(StartsWith("user code called guest::cpu_count(), which is not GUEST_USER (#PF "),
              HasSubstr(", in call_kernel (guest/suites/mistakes.cpp:")));
    EXPECT_THAT(reason("user_reads_kernel"),
                AllOf(StartsWith("user code read guest::kernel_variable, which is in the kernel "
                                 "image: make it GUEST_USER_DATA (#PF "),
                      HasSubstr(", in read_kernel (guest/suites/mistakes.cpp:")));
    EXPECT_THAT(reason("user_writes_kernel"),
                StartsWith("user code wrote guest::kernel_variable, which is in the kernel "));
    EXPECT_THAT(reason("user_reads_literal"),
                AllOf(StartsWith("user code read 0xffffffff"),
                      HasSubstr(" (a string literal, or a constant that the compiler made), which "
                                "is in the kernel image: ")));
}

TEST_F(FirstMistakes, UserCodeThatDoesWhatKernelModeCan) {
    const auto text = StartsWith(
        "user code used GUEST_LOG, GUEST_EXPECT or this_cpu_index, which work in kernel mode "
        "only: return the value (#PF ");
    EXPECT_THAT(reason("user_logs"), AllOf(text, HasSubstr("log_in_user_mode (")));
    EXPECT_THAT(reason("user_expects"), AllOf(text, HasSubstr("expect_in_user_mode (")));
    EXPECT_THAT(reason("user_initializes"),
                AllOf(StartsWith("user code came to guest::"),
                      HasSubstr("::kept, which is initialised at run time, by kernel code: "
                                "initialise it with a constant (#PF ")));
}

TEST_F(FirstMistakes, AHangNamesTheOthersThatRun) {
    EXPECT_THAT(reason_of_hang("hang_behind_lock"),
                AllOf(HasSubstr("(--timeout): vCPU 0 is running in kernel mode, in "),
                      HasSubstr("; vCPU 1 is running in kernel mode, in "),
                      HasSubstr("spin_forever (guest/suites/mistakes.cpp:")));
    EXPECT_THAT(reason_of_hang("hang_in_rendezvous_of_some"),
                AllOf(HasSubstr("(--timeout): vCPU 2 is running in kernel mode, in "),
                      HasSubstr("; vCPUs 0 and 1 wait in a Rendezvous: 2 of 3 have come")));
    EXPECT_THAT(reason_of_hang("one_too_many_in_rendezvous"),
                AllOf(HasSubstr("(--timeout): vCPU 2 is running in kernel mode, in "),
                      HasSubstr("; vCPU 2 waits in a Rendezvous: 1 of 2 have come")));
}

TEST_F(FirstMistakes, AHangNamesWhomAllWaitFor) {
    const TestResult work = failed("hang_in_work", std::chrono::seconds(2));
    EXPECT_THAT(work.reason, AllOf(HasSubstr("(--timeout): vCPU 1 is running in kernel mode, in "),
                                   HasSubstr("spin_forever (guest/suites/mistakes.cpp:"),
                                   HasSubstr("; vCPU 0 waits for vCPU 1 (wait_for)")));
    EXPECT_THAT(work.diagnosis, StartsWith("vCPU 1: running in kernel mode"));
    EXPECT_THAT(reason_of_hang("hang_in_rendezvous"),
                AllOf(HasSubstr("(--timeout): vCPU 2 is running in kernel mode, in "),
                      HasSubstr("spin_forever ("),
                      HasSubstr("; vCPUs 0, 1 and 3 wait in a Rendezvous: 3 of 4 have come, vCPU "
                                "2 has not")));
    EXPECT_THAT(reason_of_hang("hang_without_work"),
                AllOf(HasSubstr("(--timeout): vCPU 2 is halted, interrupts on, in "),
                      HasSubstr("; vCPUs 0 and 1 wait in a Rendezvous: 2 of 3 have come, vCPU 2 "
                                "has not")));
}

}  // namespace
}  // namespace nestbed::vmm
