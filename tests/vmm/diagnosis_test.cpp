// Guests that die on purpose (guest/suites/crash.cpp), and what the diagnosis says of each. It says
// the same on every KVM, but for the exceptions named below; no time is asserted on.

#include "vmm/diagnose/diagnosis.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "crash_test.hpp"

namespace nestbed::vmm {
namespace {

using test::CrashTest;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

/// True if `parts` are in `text` in this order.
MATCHER_P(HasInOrder, parts, "has in order " + testing::PrintToString(parts)) {
    std::size_t at = 0;
    for (const std::string& part : parts) {
        at = std::string_view(arg).find(part, at);
        if (at == std::string::npos) {
            *result_listener << "has not \"" << part << "\" after the ones before it";
            return false;
        }
        at += part.size();
    }
    return true;
}

using Parts = std::vector<std::string>;

/// The part of a report that is about one vCPU.
std::string part_of(const std::string& report, unsigned cpu) {
    const std::size_t begin = report.find("vCPU " + std::to_string(cpu) + ":");
    if (begin == std::string::npos) {
        return "";
    }
    const std::size_t end =
        std::min(report.find("\nvCPU ", begin), report.find("\nchannel: ", begin));
    return report.substr(begin, end - begin);
}

/// The line in which the guest said that it was going to die.
std::string announced_line(const TestResult& result) {
    const std::string line = result.log.empty() ? "" : result.log.back();
    return "(guest/suites/crash.cpp:" + line.substr(line.find_last_of(' ') + 1) + ")";
}

/// The line of a report with the instruction at RIP.
std::string current_instruction(const std::string& report) {
    const std::size_t begin = report.find("    => ");
    return report.substr(begin, report.find('\n', begin) - begin);
}

TEST_F(CrashTest, PageFault) {
    const TestResult result = failed("page_fault");
    EXPECT_THAT(
        result.reason,
        AllOf(StartsWith("#PF page fault at 0x700000001000: supervisor write, page not "
                         "present (error code 0x2), in store (guest/suites/crash.cpp:"),
              HasSubstr("inlined into guest_test_crash_page_fault (guest/suites/crash.cpp:"),
              HasSubstr("on vCPU 0")));
    const std::string& report = result.diagnosis;
    EXPECT_THAT(report, StartsWith("vCPU 0: ended the run: #PF page fault at 0x700000001000"));
    EXPECT_THAT(report, HasInOrder(Parts{"registers at the fault",
                                         "rax ",
                                         "r15 ",
                                         "rip ffffffff",
                                         "rflags ",
                                         "IF",
                                         "cr0 ",
                                         "PG]",
                                         "cr2 0000700000001000",
                                         "cr3 ",
                                         "cr4 ",
                                         "PAE",
                                         "efer ",
                                         "LME LMA NXE",
                                         "cs 0010",
                                         "CPL 0",
                                         "idt ",
                                         "code",
                                         "backtrace",
                                         "page walk of CR2",
                                         "page walk of RIP",
                                         "page walk of RSP",
                                         "channel: "}));
    EXPECT_THAT(report, HasInOrder(Parts{"#0 ", "store (guest/suites/crash.cpp:",
                                         "guest_test_crash_page_fault (guest/suites/crash.cpp:",
                                         "#1 ", "guest_start (guest/boot/start.cpp:", "#2 ",
                                         "guest_entry (guest/boot/entry.S:"}));
    EXPECT_THAT(report,
                HasInOrder(Parts{"page walk of CR2 0x700000001000, supervisor write\n",
                                 "PML4E 224 at 0x", ": 0000000000000000 not present\n",
                                 "=> #PF error code 0x2: supervisor write, page not present: P "
                                 "= 0 in PML4E\n"}));
    EXPECT_THAT(report, HasInOrder(Parts{"page walk of RIP 0xffffffff", ", supervisor fetch\n",
                                         "PML4E 511", "-> table 0x", "PDPTE 511", "PDE ", "PTE ",
                                         "-> 4 KiB page 0x", "=> physical 0x",
                                         "(a 4 KiB page: read execute, supervisor only)"}));
    EXPECT_THAT(report,
                HasInOrder(Parts{"page walk of RSP 0xffffffff", ", supervisor write\n",
                                 "=> physical 0x", "(a 4 KiB page: read write, supervisor only)"}));
    EXPECT_THAT(report, Not(HasSubstr("but the processor reported")));
    EXPECT_THAT(report, HasSubstr("channel: the last 1 of 1 log lines\n"
                                  "  [cpu 0] about to write to 0x700000001000"));
    EXPECT_NE(report.back(), '\n');
}

TEST_F(CrashTest, CodeAroundRip) {
    const std::string report = failed("page_fault").diagnosis;
    EXPECT_THAT(current_instruction(report), HasSubstr("mov qword ptr ["));
    EXPECT_THAT(report, HasInOrder(Parts{"code\n", "    => ", "ret", "call 0xffffffff",
                                         "<nestbed_make_room>", "backtrace"}));
}

TEST_F(CrashTest, DeepStack) {
    const TestResult result = failed("deep_stack");
    EXPECT_THAT(result.reason,
                HasSubstr("supervisor write, forbidden by the entries' rights (error "
                          "code 0x3), in store"));
    EXPECT_THAT(
        result.diagnosis,
        HasInOrder(Parts{"backtrace", "#0 ", "store (", "write_to_a_constant (", "#1 ",
                         "second_level (", "#2 ", "first_level (", "guest_test_crash_deep_stack (",
                         "guest_start (", "guest_entry (", "page walk"}));
    EXPECT_THAT(result.diagnosis, HasSubstr("R/W = 0 in PTE"));
}

TEST_F(CrashTest, Recursion) {
    EXPECT_THAT(failed("recursion").diagnosis,
                HasInOrder(Parts{"#0 ", "recurse (", "#1 ", "recurse (", "(the same 99 more times)",
                                 "#101", "guest_test_crash_recursion (", "guest_start"}));
}

TEST_F(CrashTest, GeneralProtection) {
    const TestResult result = failed("general_protection");
    EXPECT_THAT(result.reason,
                StartsWith("#GP general protection: no selector (error code 0x0), in "
                           "store (guest/suites/crash.cpp:"));
    EXPECT_THAT(result.diagnosis, Not(HasSubstr("page walk of CR2")));
}

TEST_F(CrashTest, ReservedBit) {
    const TestResult result = failed("reserved_bit");
    EXPECT_THAT(result.reason,
                HasSubstr("supervisor read, reserved bit set in an entry (error code 0x"));
    EXPECT_THAT(result.diagnosis,
                HasInOrder(Parts{"PML4E 224 at 0x", ": 0000000000001083 P W PS",
                                 "=> #PF error code 0x9", "PS (bit 7) of the PML4E"}));
}

TEST_F(CrashTest, NullCall) {
    const TestResult result = failed("null_call");
    EXPECT_THAT(result.reason,
                HasSubstr("#PF page fault at 0x0: supervisor fetch, page not present (error code "
                          "0x10), in 0x0, called from guest_test_crash_null_call ("));
    EXPECT_THAT(
        result.diagnosis,
        HasInOrder(Parts{"no code: 0x0 is not mapped", "#0   0000000000000000  in no function",
                         "#1 ", "guest_test_crash_null_call (", "guest_start ("}));
}

TEST_F(CrashTest, FaultInAnInterruptHandler) {
    EXPECT_THAT(failed("in_interrupt_handler").diagnosis,
                HasInOrder(Parts{"backtrace", "store (", "#1 ", "trap_dispatch (", "trap_entry (",
                                 "-- interrupt 0x55 --", "guest_test_crash_in_interrupt_handler (",
                                 "guest_start ("}));
}

TEST_F(CrashTest, UnexpectedInterrupt) {
    // Where: right at the store that sends it, or wherever the CPU was when it came.
    const TestResult result = failed("unexpected_interrupt");
    EXPECT_THAT(result.reason, StartsWith("interrupt 0x55, which has no handler, in "));
    EXPECT_THAT(result.diagnosis,
                HasInOrder(Parts{"backtrace", "guest_test_crash_unexpected_interrupt"}));
}

TEST_F(CrashTest, SecondCpu) {
    const TestResult result = failed("second_cpu");
    EXPECT_EQ(result.cpus, 4U);
    EXPECT_THAT(result.reason,
                AllOf(HasSubstr("#PF page fault at 0x700000001000"),
                      HasSubstr("lambda in guest_test_crash_second_cpu"), HasSubstr("on vCPU 1")));
    // The one that ended the run comes first, and nobody is left out.
    EXPECT_THAT(result.diagnosis,
                HasInOrder(Parts{"vCPU 1: ended the run: #PF", "vCPU 0: running in kernel mode",
                                 "vCPU 2: ", "vCPU 3: ", "channel: "}));
    EXPECT_THAT(part_of(result.diagnosis, 1),
                HasInOrder(Parts{"registers at the fault", "idle ("}));
    EXPECT_THAT(part_of(result.diagnosis, 0),
                HasInOrder(Parts{"registers\n", "backtrace", "guest_test_crash_second_cpu"}));
}

TEST_F(CrashTest, TripleFault) {
    const TestResult result = failed("triple_fault");
    EXPECT_THAT(result.reason, StartsWith("triple fault (KVM_EXIT_SHUTDOWN)"));
    if (result.diagnosis.find("KVM has reset this vCPU") != std::string::npos) {
        return;  // KVM on AMD: nothing of the guest is left to see
    }
    EXPECT_THAT(result.reason, HasSubstr("in guest_test_crash_triple_fault"));
    EXPECT_THAT(result.diagnosis, HasSubstr("idt 0000000000000000 limit 0000"));
    EXPECT_THAT(current_instruction(result.diagnosis), HasSubstr("ud2"));
}

TEST_F(CrashTest, Hang) {
    const TestResult result = failed("hang", std::chrono::seconds(2));
    EXPECT_THAT(result.reason, AllOf(HasSubstr("--timeout): vCPU 0 is running in kernel mode, in "),
                                     HasSubstr("spin_forever (guest/suites/crash.cpp:")));
    EXPECT_THAT(result.diagnosis, HasInOrder(Parts{"vCPU 0: running in kernel mode", "spin_forever",
                                                   "guest_test_crash_hang", "page walk of RIP"}));
    EXPECT_THAT(result.diagnosis, Not(HasSubstr("ended the run")));
}

TEST_F(CrashTest, HangInHlt) {
    const TestResult result = failed("hang_halted", std::chrono::seconds(2));
    EXPECT_THAT(result.reason,
                HasSubstr("vCPU 0 is halted, interrupts off: only an NMI can wake it, in "
                          "guest_test_crash_hang_halted " +
                          announced_line(result)));
    EXPECT_THAT(part_of(result.diagnosis, 1),
                HasInOrder(Parts{"halted, interrupts on", "backtrace", "#0 ",
                                 "wait_for_interrupt (guest/kernel/wait_for_interrupt.S:", "#1 ",
                                 "idle (", "#2 ", "guest_start ("}));
}

TEST_F(CrashTest, HangInUserMode) {
    const TestResult result = failed("hang_in_user_mode", std::chrono::seconds(2));
    EXPECT_THAT(result.reason, HasSubstr("vCPU 0 is running in user mode, in spin_in_user_mode ("));
    EXPECT_THAT(result.diagnosis,
                HasInOrder(Parts{"cs 0033  ss 002b", "CPL 3", "#0 ", "spin_in_user_mode (", "#1 ",
                                 "user_entry (", "page walk of RIP 0x4", ", user fetch\n",
                                 "user and supervisor)", "page walk of RSP", ", user write\n"}));
}

TEST_F(CrashTest, InternalError) {
    const TestResult result = crash("internal_error");
    if (result.verdict == Verdict::skipped) {
        GTEST_SKIP() << result.reason;
    }
    EXPECT_THAT(
        result.reason,
        AllOf(StartsWith("KVM cannot emulate \""),
              HasSubstr("lambda in guest_test_crash_internal_error (guest/suites/crash.cpp:")));
    EXPECT_THAT(result.diagnosis, HasSubstr("KVM_EXIT_INTERNAL_ERROR, suberror 1"));
    EXPECT_THAT(result.diagnosis,
                HasInOrder(Parts{"trap_scope_call (", "catch_trap (guest/kernel/trap_scope.cpp:",
                                 "guest_test_crash_internal_error ("}));
    EXPECT_THAT(result.reason, HasSubstr("\"int3\""));
    EXPECT_THAT(current_instruction(result.diagnosis), HasSubstr("int3"));
}

// An exception where the processor runs INT3, which leaves RIP behind it; where KVM interprets
// kernel mode, an internal error with RIP at it.
TEST_F(CrashTest, Breakpoint) {
    const TestResult result = failed("breakpoint");
    EXPECT_THAT(result.reason,
                HasSubstr(", in guest_test_crash_breakpoint " + announced_line(result)));
}

TEST_F(CrashTest, BadPort) {
    const TestResult result = failed("bad_port");
    EXPECT_THAT(
        result.reason,
        AllOf(StartsWith("a 4-byte write to port 0x1234, which is no port of this machine, in "
                         "out (guest/kernel/instructions.hpp:"),
              HasSubstr("guest_test_crash_bad_port " + announced_line(result))));
    EXPECT_THAT(result.diagnosis,
                HasInOrder(Parts{"code (RIP is behind the instruction that stopped it)",
                                 "backtrace", "#0 ", "out (", "guest_test_crash_bad_port ",
                                 announced_line(result), "#1 ", "guest_start"}));
    EXPECT_THAT(result.diagnosis, HasInOrder(Parts{"out dx, eax\n", "=> "}));
}

TEST_F(CrashTest, BadPortRead) {
    const TestResult result = failed("bad_port_read");
    EXPECT_THAT(result.reason,
                AllOf(StartsWith("a 4-byte read from port 0x1234"),
                      HasSubstr("guest_test_crash_bad_port_read " + announced_line(result))));
}

TEST_F(CrashTest, BadPortString) {
    const TestResult result = failed("bad_port_string");
    EXPECT_THAT(result.reason,
                AllOf(StartsWith("a 1-byte write to port 0x1234"),
                      HasSubstr("guest_test_crash_bad_port_string " + announced_line(result))));
    EXPECT_THAT(result.diagnosis, Not(HasSubstr("RIP is behind")));
}

TEST_F(CrashTest, BadPortAtTheEndOfAFunction) {
    const TestResult result = failed("bad_port_at_the_end");
    EXPECT_THAT(result.reason, HasSubstr("inlined into end_at_nobodys_port ("));
    EXPECT_THAT(result.diagnosis, HasInOrder(Parts{"backtrace", "end_at_nobodys_port (", "#1 ",
                                                   "guest_test_crash_bad_port_at_the_end ("}));
    EXPECT_THAT(result.diagnosis, HasInOrder(Parts{"out dx, eax\n", "=> "}));
}

TEST_F(CrashTest, AccessOutsideMemory) {
    const TestResult read = failed("mmio");
    EXPECT_THAT(read.reason, AllOf(StartsWith("a read of 8 bytes at guest physical 0x400000000, "
                                              "where there is no memory, in load ("),
                                   HasSubstr("guest_test_crash_mmio " + announced_line(read))));
    EXPECT_THAT(read.diagnosis, Not(HasSubstr("RIP is behind")));
    const TestResult write = failed("mmio_write");
    EXPECT_THAT(write.reason,
                AllOf(StartsWith("a write of 8 bytes at guest physical 0x400000000"),
                      HasSubstr("guest_test_crash_mmio_write " + announced_line(write))));
    const TestResult fill = failed("mmio_fill");
    EXPECT_THAT(fill.reason,
                AllOf(StartsWith("a write of 8 bytes at guest physical 0x400000000"),
                      HasSubstr("guest_test_crash_mmio_fill " + announced_line(fill))));
    EXPECT_THAT(fill.diagnosis, Not(HasSubstr("RIP is behind")));
}

TEST_F(CrashTest, InterruptWhileOff) {
    const TestResult result = failed("interrupt_while_off");
    EXPECT_THAT(result.reason, StartsWith("panic: an interrupt came while interrupts were off, as "
                                          "no processor delivers one (vector 0x55), in "));
    EXPECT_THAT(result.diagnosis,
                HasInOrder(Parts{"registers at the fault", "backtrace",
                                 "guest_test_crash_interrupt_while_off (guest/suites/crash.cpp:"}));
}

TEST_F(CrashTest, PanicMessage) {
    const TestResult result = failed("panic_message");
    EXPECT_THAT(result.reason,
                StartsWith("panic: the guest has seen enough, in "
                           "guest_test_crash_panic_message (guest/suites/crash.cpp:"));
    EXPECT_THAT(
        result.diagnosis,
        HasInOrder(Parts{"ended the run: panic: the guest has seen enough", "registers\n",
                         "out (guest/kernel/instructions.hpp:", "panic (guest/kernel/panic.cpp:",
                         "guest_test_crash_panic_message (", "guest_start ("}));
}

TEST_F(CrashTest, WhatAGuestSaysDoesNotDriveTheTerminal) {
    const TestResult result = failed("panic_in_colour");
    EXPECT_THAT(result.reason, StartsWith("panic: the guest sees \\x1b[31mred, in "));
    EXPECT_THAT(result.diagnosis, HasSubstr("panic: the guest sees \\x1b[31mred\n"));
}

TEST_F(CrashTest, FailedExpectation) {
    const TestResult result = failed("failed_expectation");
    EXPECT_EQ(result.reason, "6 expectations failed");
    EXPECT_THAT(result.diagnosis, IsEmpty());
    ASSERT_EQ(result.failures.size(), 6U) << "GUEST_REQUIRE has ended the test";
    EXPECT_EQ(result.failures[0].file, "guest/suites/crash.cpp");
    EXPECT_EQ(result.failures[0].expression, "answer + 0 == 42U");
    EXPECT_EQ(result.failures[0].values, "41 == 42");
    EXPECT_EQ(result.failures[1].line, result.failures[0].line + 1);
    EXPECT_EQ(result.failures[1].expression, "answer > 100");
    EXPECT_EQ(result.failures[1].values, "41 > 100");
    EXPECT_EQ(result.failures[2].expression, "answer == 41 && answer > 100");
    EXPECT_EQ(result.failures[2].values, "false");
    EXPECT_EQ(result.failures[3].expression, "answer & 2");
    EXPECT_EQ(result.failures[3].values, "0");
    EXPECT_EQ(result.failures[4].expression, "!true");
    EXPECT_EQ(result.failures[4].values, "false");
    EXPECT_EQ(result.failures[5].values, "28258971205985646 (0x6465627473656e) == 42");
    EXPECT_THAT(result.log, testing::ElementsAre("[cpu 0] the answer is 41"));
}

TEST_F(CrashTest, LostRecord) {
    const TestResult result = failed("lost_record");
    EXPECT_THAT(
        result.reason,
        StartsWith("the record channel is broken: vCPU 0: record 1 says that it is record 0"));
    EXPECT_THAT(result.log, testing::ElementsAre("[cpu 0] a record that arrives"));
}

TEST_F(CrashTest, ImpossibleRing) {
    EXPECT_THAT(failed("impossible_ring").reason,
                AllOf(StartsWith("the record channel is broken: vCPU 0: its ring's head is "),
                      HasSubstr("0 records were taken and it holds 256")));
}

}  // namespace
}  // namespace nestbed::vmm
