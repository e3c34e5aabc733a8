// Guests that are not ours, on the PC that they expect: each row of what the PC has, by a guest
// that checks it from inside. No time is asserted on.

#include "tests/multiboot/multiboot_test.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "tests/program/expectations.hpp"

namespace nestbed::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;
using vmm::PcSettings;
using vmm::SubResult;
using vmm::TestResult;
using vmm::Verdict;

constexpr std::uint64_t mebibyte = 1 << 20;
constexpr std::uint64_t gibibyte = 1 << 30;

// What the loader does.

TEST_F(Multiboot, StartState) { expect_pass("start_state", 14); }

TEST_F(Multiboot, Information) {
    const TestResult result = run("information");
    EXPECT_EQ(result.verdict, Verdict::passed) << result.reason;
    EXPECT_EQ(said(result, "flags"), "00000045");
    EXPECT_EQ(said(result, "memory below"), fmt::format("{:08x}", 640));
    EXPECT_EQ(said(result, "memory above"), fmt::format("{:08x}", 127 << 10));
    EXPECT_EQ(said(result, "command line"), multiboot_guest("information"));
}

TEST_F(Multiboot, CommandLineAndEnvironment) {
    const TestResult result = run("information", [](PcSettings& pc) {
        pc.command_line = "one 'two three' =4";
        pc.environment = "A=1\nB=two words\n";
    });
    EXPECT_EQ(result.verdict, Verdict::passed) << result.reason;
    EXPECT_EQ(said(result, "flags"), "0000004d");
    EXPECT_EQ(said(result, "command line"), multiboot_guest("information") + " one 'two three' =4");
    EXPECT_EQ(said(result, "modules"), "00000001");
    ASSERT_GE(result.log.size(), 2U);
    EXPECT_THAT(std::vector(result.log.end() - 2, result.log.end()),
                ElementsAre("A=1", "B=two words"));
}

TEST_F(Multiboot, WhatIsTooLongForTheLoader) {
    const TestResult words = run_with("information", std::string(5000, 'x'));
    EXPECT_EQ(words.verdict, Verdict::failed);
    EXPECT_THAT(words.reason, HasSubstr("command line"));
    ASSERT_TRUE(words.error);
    EXPECT_EQ(words.error->kind(), vmm::ErrorKind::usage);
    const TestResult lines = run(
        "information", [](PcSettings& pc) { pc.environment = "A=" + std::string(20'000, 'x'); });
    EXPECT_EQ(lines.verdict, Verdict::failed);
    EXPECT_THAT(lines.reason, HasSubstr("environment"));
}

/// Each range as "begin size type".
std::vector<std::string> ranges_of(const TestResult& result) {
    std::vector<std::string> ranges;
    for (const std::string& line : result.log) {
        if (std::ranges::count(line, ' ') == 2 && line.size() == 16 + 1 + 16 + 1 + 8) {
            ranges.push_back(line);
        }
    }
    return ranges;
}

TEST_F(Multiboot, MemoryMap) {
    const auto range = [](std::uint64_t begin, std::uint64_t size, unsigned type) {
        return fmt::format("{:016x} {:016x} {:08x}", begin, size, type);
    };
    EXPECT_THAT(ranges_of(expect_pass("memory_map", 2)),
                ElementsAre(range(0, 0xA'0000, 1), range(0xF'0000, 0x1'0000, 2),
                            range(mebibyte, 127 * mebibyte, 1)));
    EXPECT_THAT(
        ranges_of(expect_pass("memory_map", 2, [](PcSettings& pc) { pc.memory = 5 * gibibyte; })),
        ElementsAre(range(0, 0xA'0000, 1), range(0xF'0000, 0x1'0000, 2),
                    range(mebibyte, 3 * gibibyte - mebibyte, 1),
                    range(4 * gibibyte, 2 * gibibyte, 1)));
}

TEST_F(Multiboot, MemoryAbove4GiB) {
    expect_pass("high_memory", 4, [](PcSettings& pc) { pc.memory = 5 * gibibyte; });
}

TEST_F(Multiboot, SegmentsByTheirPhysicalAddresses) { expect_pass("segments", 5); }

TEST_F(Multiboot, RealMode) { expect_pass("real_mode", 1); }

// The serial port.

TEST_F(Multiboot, SerialPort) {
    const TestResult result = expect_pass("serial", 3);
    EXPECT_THAT(
        result.log,
        ElementsAre("one", "two", "", "three", "PASS: it is ready", "PASS: the divisor is kept",
                    "PASS: the scratch register is kept", std::string(1024, 'l'), "no end"));
}

TEST_F(Multiboot, SerialPortOfTwo) {
    const TestResult result = run("processors", [](PcSettings& pc) { pc.cpus = 2; });
    EXPECT_EQ(result.verdict, Verdict::passed) << result.reason;
    std::map<std::string, std::vector<std::string>> lines;
    for (const std::string& line : result.log) {
        if (line.starts_with("processor ")) {
            lines[line.substr(0, 18)].push_back(line.substr(18));
        }
    }
    std::vector<std::string> expected;
    for (unsigned n = 20; n != 0; --n) {
        expected.push_back(fmt::format(" line {:08x}", n));
    }
    EXPECT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines["processor 00000000"], expected);
    EXPECT_EQ(lines["processor 00000001"], expected);
}

// How a guest ends.

TEST_F(Multiboot, ExitValues) {
    struct Row {
        const char* arguments;
        std::uint32_t value;
        Verdict verdict;
        const char* reason;
    };
    for (const Row& row :
         {Row{"d0", 0, Verdict::passed, ""}, Row{"w0", 0, Verdict::passed, ""},
          Row{"b0", 0, Verdict::passed, ""},
          Row{"d1", 1, Verdict::failed, "the guest ended with 1 (0 is a pass)"},
          Row{"b38", 38, Verdict::skipped, "the guest skipped it"},
          Row{"d38", 38, Verdict::skipped, "the guest skipped it"},
          Row{"w63", 63, Verdict::failed, "the guest aborted"}, Row{"b256", 0, Verdict::passed, ""},
          Row{"w256", 256, Verdict::failed, "the guest ended with 256 (0 is a pass)"},
          Row{"w65536", 0, Verdict::passed, ""},
          Row{"d65536", 65536, Verdict::failed, "the guest ended with 65536 (0 is a pass)"}}) {
        SCOPED_TRACE(row.arguments);
        const TestResult result = run_with("exit", row.arguments);
        EXPECT_EQ(result.exit_value, row.value);
        EXPECT_EQ(result.verdict, row.verdict);
        EXPECT_EQ(result.reason, row.reason);
        EXPECT_THAT(result.log, IsEmpty()) << "it went on";
        EXPECT_THAT(result.diagnosis, IsEmpty());
        EXPECT_FALSE(result.error);
    }
}

TEST_F(Multiboot, LinesOfResults) {
    using Kind = SubResult::Kind;
    const TestResult result = run("results");
    EXPECT_EQ(result.verdict, Verdict::failed);
    EXPECT_EQ(result.reason, "3 of 8 checks failed: fifth");
    EXPECT_THAT(
        result.sub_results.all,
        ElementsAre(SubResult{Kind::pass, "first"}, SubResult{Kind::pass, "second: with a colon"},
                    SubResult{Kind::skip, "third (no such hardware)"},
                    SubResult{Kind::xfail, "fourth"}, SubResult{Kind::fail, "fifth"},
                    SubResult{Kind::kfail, "sixth"}, SubResult{Kind::xpass, "seventh"},
                    SubResult{Kind::fail, "last, without an end"}));
    EXPECT_EQ(result.sub_results.counts.text(),
              "2 PASS, 2 FAIL, 1 SKIP, 1 XFAIL, 1 XPASS, 1 KFAIL");
    EXPECT_EQ(result.log.size(), 13U);
}

TEST_F(Multiboot, TheExitValueDecides) {
    const TestResult skipped = run_with("results", "s");
    EXPECT_EQ(skipped.verdict, Verdict::skipped);
    EXPECT_EQ(skipped.reason, "the guest skipped it: third (no such hardware)");
    const TestResult passed = run_with("results", "p");
    EXPECT_EQ(passed.verdict, Verdict::passed);
    EXPECT_EQ(passed.sub_results.counts.total(), 4U);
}

// Devices.

TEST_F(Multiboot, Ports) {
    const TestResult result = expect_pass("ports", 26, [](PcSettings& pc) {
        pc.cpus = 3;
        pc.memory = 200 * mebibyte;
    });
    EXPECT_EQ(said(result, "memory"), fmt::format("{:016x}", 200 * mebibyte));
    EXPECT_EQ(said(result, "cpus"), "00000003");
    EXPECT_THAT(result.log, testing::Contains("a string to the serial port"));
}

TEST_F(Multiboot, PageFlush) { expect_pass("page_flush", 3); }

TEST_F(Multiboot, InterruptsOfTheTestDevice) { expect_pass("interrupts", 6); }

TEST_F(Multiboot, Processors) {
    for (const std::uint32_t cpus : {1U, 3U, 16U}) {
        SCOPED_TRACE(cpus);
        const TestResult result =
            expect_pass("processors", 1, [&](PcSettings& pc) { pc.cpus = cpus; });
        EXPECT_EQ(result.log.size(), 20 * cpus + 1);
        EXPECT_EQ(result.cpus, cpus);
    }
}

TEST_F(Multiboot, AcpiTables) {
    EXPECT_EQ(said(expect_pass("acpi", 19), "processors"), "00000001");
    EXPECT_EQ(said(expect_pass("acpi", 19, [](PcSettings& pc) { pc.cpus = 5; }), "processors"),
              "00000005");
}

TEST_F(Multiboot, Clock) {
    const auto seconds = [] {
        return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    };
    const auto before = seconds();
    const std::string time = said(expect_pass("clock", 4), "time");
    const auto after = seconds();
    ASSERT_EQ(time.size(), 16U);
    const auto field = [&](std::size_t n) {
        const std::string digits = time.substr(2 * n, 2);
        EXPECT_EQ(digits.find_first_not_of("0123456789"), std::string::npos) << time;
        return std::stoi(digits);
    };
    const std::chrono::year_month_day date(std::chrono::year(100 * field(0) + field(1)),
                                           std::chrono::month(static_cast<unsigned>(field(2))),
                                           std::chrono::day(static_cast<unsigned>(field(3))));
    ASSERT_TRUE(date.ok()) << time;
    const std::chrono::sys_days day(date);
    const auto said_time = day + std::chrono::hours(field(4)) + std::chrono::minutes(field(5)) +
                           std::chrono::seconds(field(6));
    EXPECT_GE(said_time, before) << time;
    EXPECT_LE(said_time, after) << time;
    EXPECT_EQ(static_cast<unsigned>(field(7)), std::chrono::weekday(day).c_encoding() + 1) << time;
}

// Sleep.

TEST_F(Multiboot, SleepsAndWakesUp) {
    const TestResult result = run_with("sleep", "a");
    EXPECT_EQ(result.verdict, Verdict::passed) << result.reason << result.diagnosis;
    EXPECT_THAT(result.log,
                ElementsAre("PASS: the FACS is there", "sleeps", "PASS: memory is kept",
                            "PASS: it wakes up in real mode", "PASS: it wakes up at its vector"));
}

TEST_F(Multiboot, SleepWithoutEnd) {
    const TestResult no_alarm = run_with("sleep", "n");
    EXPECT_EQ(no_alarm.verdict, Verdict::failed);
    EXPECT_THAT(no_alarm.reason, HasSubstr("it sleeps, and has set no alarm of the clock"));
    EXPECT_THAT(no_alarm.log, ElementsAre("PASS: the FACS is there", "sleeps"));
    EXPECT_THAT(run_with("sleep", "v").reason, HasSubstr("its waking vector in the FACS is none"));
    EXPECT_THAT(run("sleep",
                    [](PcSettings& pc) {
                        pc.command_line = "a";
                        pc.cpus = 2;
                    })
                    .reason,
                HasSubstr("only a PC of one vCPU can sleep"));
}

TEST_F(Multiboot, PowerOff) {
    const TestResult result = run_with("sleep", "o");
    EXPECT_EQ(result.verdict, Verdict::failed);
    EXPECT_EQ(result.reason, "the guest has switched its PC off");
    EXPECT_FALSE(result.exit_value);
}

// Deaths.

TEST_F(Multiboot, TripleFault) {
    const TestResult result = run_with("death", "t");
    EXPECT_EQ(result.verdict, Verdict::failed);
    EXPECT_FALSE(result.exit_value);
    EXPECT_THAT(result.reason, StartsWith("triple fault (KVM_EXIT_SHUTDOWN)"));
    EXPECT_THAT(result.diagnosis, HasSubstr("vCPU 0: ended the run"));
    EXPECT_THAT(result.diagnosis, HasSubstr("log lines\n  goes on to die"));
}

TEST_F(Multiboot, HaltedForEver) {
    const TestResult result = run(
        "death", [](PcSettings& pc) { pc.command_line = "h"; }, std::chrono::seconds(5));
    EXPECT_EQ(result.verdict, Verdict::failed);
    EXPECT_THAT(result.reason,
                AllOf(HasSubstr("vCPU 0 is halted, interrupts off"), HasSubstr("in halts")));
    EXPECT_FALSE(result.exit_value);
}

TEST_F(Multiboot, DeathInEachMode) {
    struct Row {
        const char* arguments;
        const char* place;
        const char* mode;
        std::vector<const char*> walk;
    };
    for (const Row& row :
         {Row{"r", "in_real_mode", "real mode, 16-bit code, no paging", {}},
          Row{"p", "in_protected_mode", "protected mode, 32-bit code, no paging", {}},
          Row{"3",
              "in_32_bit_paging",
              "protected mode, 32-bit code, 32-bit paging",
              {"PDE     0 at 0x", "-> 4 MiB page 0x0\n", "=> physical 0x10"}},
          Row{"a",
              "in_pae",
              "protected mode, 32-bit code, PAE paging",
              {"PDPTE   0 at 0x", "PDE     0 at 0x", "-> 2 MiB page 0x0\n", "=> physical 0x10"}},
          Row{"l",
              "in_long_mode",
              "efer 0000000000000500 [LME LMA]",
              {"PML4E   0 at 0x", "PDPTE   0 at 0x", "PDE     0 at 0x", "-> 2 MiB page 0x0\n",
               "=> physical 0x10"}}}) {
        SCOPED_TRACE(row.place);
        const TestResult result = run_with("death", row.arguments);
        EXPECT_EQ(result.verdict, Verdict::failed);
        EXPECT_THAT(result.reason, AllOf(HasSubstr("there is no sleep of type 5 here"),
                                         HasSubstr(std::string("in ") + row.place)));
        EXPECT_THAT(result.diagnosis, AllOf(HasSubstr(row.mode), HasSubstr(std::string("#0 ")),
                                            HasSubstr("out dx, ax\n"), HasSubstr("=> ")));
        if (row.walk.empty()) {
            EXPECT_THAT(result.diagnosis, Not(HasSubstr("page walk")));
        } else {
            std::size_t at = result.diagnosis.find("page walk of RIP");
            for (const char* part : row.walk) {
                at = at == std::string::npos ? at : result.diagnosis.find(part, at);
                EXPECT_NE(at, std::string::npos) << part << " is not in\n" << result.diagnosis;
            }
        }
        EXPECT_THAT(result.diagnosis, HasSubstr("serial line: "));
    }
}

TEST_F(Multiboot, AnInstructionThatKvmCannotEmulate) {
    const TestResult result = run_with("death", "i");
    EXPECT_EQ(result.verdict, Verdict::failed);
    EXPECT_THAT(result.reason, AllOf(StartsWith("KVM cannot emulate \"paddd mm0"),
                                     HasSubstr("in is_not_emulated")));
    EXPECT_THAT(result.diagnosis, HasSubstr("KVM_EXIT_INTERNAL_ERROR, suberror 1"));
}

}  // namespace
}  // namespace nestbed::test
