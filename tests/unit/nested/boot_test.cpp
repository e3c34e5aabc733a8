// Lives of machines, with a shell in place of their emulator.

#include "vmm/nested/boot.hpp"

#include <gmock/gmock.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>

#include "tests/unit/base/temporary_folder.hpp"
#include "tests/unit/nested/failure.hpp"
#include "tests/unit/nested/fake_machine.hpp"

namespace nestbed::vmm {
namespace {

using namespace std::chrono_literals;
using test::hangs;
using test::Recorder;
using test::sends;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

/// No machine here is silent for so long.
constexpr std::chrono::milliseconds long_enough = 30s;

BootStart machine(const std::string& script, std::chrono::milliseconds silence = long_enough) {
    return {.emulator = "Fake 1.0", .command = {"sh", "-c", script}, .silence = silence};
}

BootResult boot_of(const BootStart& start) {
    Recorder observer;
    return boot(start, observer, {});
}

TEST(Boot, FinishesWithTheCommandsExitCode) {
    for (const char* code : {"0", "1", "130"}) {
        const BootResult result =
            boot_of(machine(sends(FrameKind::ready) + sends(FrameKind::finished, code)));
        EXPECT_EQ(result.end, BootEnd::finished);
        EXPECT_EQ(std::to_string(result.code), code);
        EXPECT_EQ(result.reason, "");
    }
}

TEST(Boot, TellsWhatTheCommandWrites) {
    Recorder observer;
    boot(machine(sends(FrameKind::ready) + sends(FrameKind::progress, "1 of 2") +
                 sends(FrameKind::output, "PASS") + sends(FrameKind::error, "oh") +
                 sends(FrameKind::finished, "0")),
         observer, {});
    EXPECT_EQ(observer.events, "ready. progress: 1 of 2. output: PASS. error: oh. ");
}

TEST(Boot, KnowsWhetherTheCommandWroteAnything) {
    const std::string begin = sends(FrameKind::ready) + sends(FrameKind::progress, "1 of 2");
    const std::string end = sends(FrameKind::finished, "0");
    EXPECT_FALSE(boot_of(machine(begin + end)).any_output);
    EXPECT_TRUE(boot_of(machine(begin + sends(FrameKind::output, "x") + end)).any_output);
    EXPECT_TRUE(boot_of(machine(begin + sends(FrameKind::error, "x") + end)).any_output);
}

TEST(Boot, BringsFilesBack) {
    const BootResult result =
        boot_of(machine(sends(FrameKind::file, "0") + sends(FrameKind::contents, "") +
                        sends(FrameKind::file, "2") + sends(FrameKind::contents, "first, ") +
                        sends(FrameKind::contents, "second") + sends(FrameKind::finished, "0")));
    EXPECT_THAT(result.files, ElementsAre(Pair(0, ""), Pair(2, "first, second")));
}

TEST(Boot, AFileWithoutANumberIsNoMachineOfOurs) {
    for (const char* number : {"-1", "x", ""}) {
        const BootResult result = boot_of(
            machine(sends(FrameKind::file, number) + sends(FrameKind::finished, "0") + "sleep 9"));
        EXPECT_EQ(result.end, BootEnd::broken) << number;
        EXPECT_THAT(result.reason, HasSubstr("a file without its number"));
        EXPECT_THAT(result.files, IsEmpty());
    }
}

TEST(Boot, ContentsOfNoFileAreDropped) {
    EXPECT_THAT(
        boot_of(machine(sends(FrameKind::contents, "lost") + sends(FrameKind::finished, "0")))
            .files,
        IsEmpty());
}

TEST(Boot, TheEmulatorsOwnEndDoesNotMatterOnceTheCommandFinished) {
    const BootResult result = boot_of(machine(sends(FrameKind::finished, "0") + "exit 1"));
    EXPECT_EQ(result.end, BootEnd::finished);
    EXPECT_EQ(result.code, 0);
}

TEST(Boot, AProblemIsItsReason) {
    const BootResult result =
        boot_of(machine(sends(FrameKind::problem, "the kernel does not load kvm_amd") + hangs));
    EXPECT_EQ(result.end, BootEnd::broken);
    EXPECT_EQ(result.reason, "the kernel does not load kvm_amd");
}

TEST(Boot, MayEndTooEarlyWithAStatus) {
    const BootResult result = boot_of(machine("exit 3"));
    EXPECT_EQ(result.end, BootEnd::broken);
    EXPECT_EQ(result.reason, "Fake 1.0 ended before the command did, with exit status 3");
}

TEST(Boot, MayEndTooEarlyByASignal) {
    const BootResult result = boot_of(machine(sends(FrameKind::ready) + "kill -SEGV $$"));
    EXPECT_EQ(result.end, BootEnd::broken);
    EXPECT_THAT(result.reason, HasSubstr("with signal 11 (Segmentation fault)"));
}

TEST(Boot, ASuccessfulEndIsTooEarlyAsWell) {
    EXPECT_EQ(boot_of(machine(sends(FrameKind::output, "PASS") + "exit 0")).end, BootEnd::broken);
}

TEST(Boot, TheEmulatorsComplaintIsTheReason) {
    BootStart start = machine("echo warning; echo 'no BIOS' >&2; exit 1");
    start.complaint_in = [](const std::string& said) { return "it said " + said; };
    EXPECT_EQ(boot_of(start).reason,
              "Fake 1.0 ended before the command did, with exit status 1: it said "
              "warning\\x0ano BIOS\\x0a");
}

TEST(Boot, WithoutAComplaintThereIsTheStatusAlone) {
    BootStart start = machine("echo warning; exit 1");
    start.complaint_in = [](const std::string&) { return ""; };
    EXPECT_EQ(boot_of(start).reason, "Fake 1.0 ended before the command did, with exit status 1");
}

TEST(Boot, GarbageIsAnErrorAndTheEndOfTheMachine) {
    const test::TemporaryFolder folder;
    const std::string file = folder.path() / "pid";
    EXPECT_THAT(test::failure_of([&] {
                    boot_of(machine("echo $$ >" + file + "; echo Linux version 6 >&4; " + hangs));
                }),
                HasSubstr("something else than results"));
    EXPECT_EQ(::kill(std::stoi(folder.read("pid")), 0), -1);
    EXPECT_EQ(errno, ESRCH);
}

TEST(Boot, SilenceIsAHang) {
    const BootResult result = boot_of(machine(hangs, 300ms));
    EXPECT_EQ(result.end, BootEnd::hung);
    EXPECT_EQ(result.reason, "nothing was heard of the nested machine for 0.3 s");
}

TEST(Boot, AConsoleThatTalksIsNoLifeOfTheCommand) {
    EXPECT_EQ(boot_of(machine("for n in $(seq 300); do echo $n >&3; sleep 0.01; done; " +
                                  sends(FrameKind::finished, "0"),
                              300ms))
                  .end,
              BootEnd::hung);
}

TEST(Boot, AMachineThatSaysSomethingNowAndThenDoesNotHang) {
    const std::string says_something = "sleep 0.5; " + sends(FrameKind::progress, "still here");
    std::string script;
    for (int times = 0; times < 5; ++times) {
        script += says_something;
    }
    EXPECT_EQ(boot_of(machine(script + sends(FrameKind::finished, "0"), 2s)).end,
              BootEnd::finished);
}

TEST(Boot, EndsWhenAskedTo) {
    class Stopper : public Recorder {
      public:
        void ready() override { stop.request_stop(); }
        std::stop_source stop;
    } observer;
    const BootResult result =
        boot(machine(sends(FrameKind::ready) + hangs), observer, observer.stop.get_token());
    EXPECT_EQ(result.end, BootEnd::interrupted);
}

TEST(Boot, ShowsTheConsole) {
    const BootResult result =
        boot_of(machine(R"(printf 'Linux\r\n\r\npanic \033[31m\n' >&3; exit 1)"));
    EXPECT_THAT(result.console, ElementsAre("Linux", "panic \\x1b[31m"));
    EXPECT_THAT(result.reason, testing::EndsWith("exit status 1")) << "that is the emulator's";
}

TEST(Boot, ShowsTheConsolesLastLines) {
    std::vector<std::string> last(15);
    for (std::size_t n = 0; n < last.size(); ++n) {
        last[n] = std::to_string(86 + n);
    }
    EXPECT_EQ(boot_of(machine("seq 100 >&3; exit 1")).console, last);
}

TEST(Boot, WhatWasSaidBeforeTheEndIsHeardAfterIt) {
    /// Looks away until the emulator has ended.
    class Sleeper : public Recorder {
      public:
        void ready() override {
            folder.write("go", "");
            siginfo_t ended{};
            ::waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT);
        }
        test::TemporaryFolder folder;
    } observer;
    const std::string go = observer.folder.path() / "go";
    const BootResult result =
        boot(machine(sends(FrameKind::ready) + "until [ -e " + go + " ]; do sleep 0.01; done; " +
                     sends(FrameKind::output, "PASS") + sends(FrameKind::finished, "0")),
             observer, {});
    EXPECT_EQ(result.end, BootEnd::finished);
    EXPECT_EQ(observer.events, "output: PASS. ");
}

TEST(Boot, TheEmulatorRunsInItsDirectory) {
    const test::TemporaryFolder folder;
    BootStart start = machine("touch here; exit 1");
    start.directory = folder.path();
    boot_of(start);
    EXPECT_TRUE(std::filesystem::exists(folder.path() / "here"));
}

TEST(Boot, AMissingEmulatorIsNamed) {
    EXPECT_EQ(test::failure_of(
                  [] { boot_of({.emulator = "Fake 1.0", .command = {"no-such-emulator"}}); }),
              "there is no program no-such-emulator");
}

}  // namespace
}  // namespace nestbed::vmm
