// nestbed nested with real emulators: what runs inside, and how it ends when something is wrong.

#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/nested/emulator_process.hpp"
#include "tests/program/expectations.hpp"
#include "vmm/base/text.hpp"

namespace nestbed::test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

/// More than a boot takes on a busy machine.
constexpr auto patience = 10min;

fs::path kernel_folder() {
    const char* home = std::getenv("HOME");
    const char* cache = std::getenv("XDG_CACHE_HOME");
    return (cache != nullptr ? fs::path(cache) : fs::path(home) / ".cache") / "nestbed" / "kernel";
}

class Nested : public testing::Test {
  public:
    void SetUp() override {
        std::string pattern = testing::TempDir() + "nestbed-nested-XXXXXX";
        folder_ = ::mkdtemp(pattern.data());
        // What is left behind is seen.
        fs::create_directory(temporary());
        ::setenv("TMPDIR", temporary().c_str(), 1);
    }
    void TearDown() override {
        EXPECT_TRUE(fs::is_empty(temporary())) << "something was left behind";
        ::unsetenv("TMPDIR");
        fs::remove_all(folder_);
    }

    fs::path path(const char* name) const { return folder_ / name; }
    fs::path temporary() const { return folder_ / "tmp"; }

    /// nestbed nested --paging PAGING ARGUMENTS, with one processor, which boots sooner, if they do
    /// not say how many.
    static std::vector<std::string> command(const std::string& paging,
                                            std::vector<std::string> arguments) {
        if (std::ranges::count(arguments, "--cpus") == 0) {
            arguments.insert(arguments.begin(), {"--cpus", "1"});
        }
        arguments.insert(arguments.begin(), {NESTBED_PROGRAM, "nested", "--paging", paging});
        return arguments;
    }

    static ProcessResult nested(const std::string& paging, std::vector<std::string> arguments,
                                const std::function<void()>& prepare = {}) {
        return Process(command(paging, std::move(arguments)), prepare).wait(patience);
    }

  private:
    fs::path folder_;
};

/// Standard error but for the lines that say every ten seconds how far a run is: a slow machine has
/// them.
std::string without_progress(const std::string& err) {
    std::string rest;
    for (const std::string_view line : vmm::lines_of(err)) {
        if (!line.starts_with("[")) {
            rest += std::string(line) + "\n";
        }
    }
    return rest;
}

TEST_F(Nested, RunsTheSuitesAndBringsTheReportsBack) {
    const ProcessResult result = nested(
        "npt", {"--", "run", "boot", "--output", path("out.json"), "--output", path("out.xml")});
    EXPECT_EQ(result.exit_code, success) << result.err;
    EXPECT_THAT(result.out, AllOf(StartsWith("PASS  boot.empty"), HasSubstr(" 0 failed")));
    EXPECT_EQ(without_progress(result.err), "");
    EXPECT_THAT(contents(path("out.xml")), HasSubstr("<testsuite"));
    const json report = json::parse(contents(path("out.json")));
    EXPECT_EQ(report["host"]["paging"], "npt");
    EXPECT_EQ(report["host"]["timings"]["trust"], "rough");
    const json machine = report["host"]["emulated"];
    EXPECT_THAT(machine["emulator"].get<std::string>(), StartsWith("QEMU "));
    EXPECT_THAT(machine["kernel_package"].get<std::string>(), StartsWith("linux-image-"));
    EXPECT_EQ(machine["kernel_checksum"].get<std::string>().size(), 64U);
}

TEST_F(Nested, TheExitCodeAndTheErrorsAreTheCommands) {
    const ProcessResult failed =
        nested("npt", {"--", "run", "crash", "--filter",
                       "crash.failed_expectation:crash.triple_fault:crash.interrupt_while_off",
                       "--diagnosis", "full"});
    EXPECT_EQ(failed.exit_code, test_failed);
    EXPECT_THAT(failed.out, HasSubstr("FAIL  crash.failed_expectation"));
    // What QEMU is known to do is tried once more, and nothing else.
    constexpr std::string_view tried_again = "attempt 1 failed: ";
    const std::size_t again = failed.out.find(tried_again);
    ASSERT_NE(again, std::string::npos);
    EXPECT_THAT(failed.out.substr(again),
                StartsWith("attempt 1 failed: panic: an interrupt came while interrupts were off"));
    EXPECT_EQ(failed.out.find(tried_again, again + 1), std::string::npos);
    // KVM on AMD resets the vCPU.
    EXPECT_THAT(failed.out, HasSubstr("what it has left in memory"));
    EXPECT_THAT(failed.out, HasSubstr(": leads to all of the kernel image"));
    const ProcessResult wrong = nested("npt", {"--", "run", "--filter", "nothing.at_all"});
    expect_one_line_error(wrong, bad_input);
    EXPECT_THAT(wrong.err, HasSubstr("nothing.at_all"));
}

TEST_F(Nested, ShadowPagingWithoutNpt) {
    const ProcessResult result = nested("shadow", {"--", "doctor", "--json"});
    EXPECT_EQ(result.exit_code, success) << result.err;
    EXPECT_EQ(json::parse(result.out)["host"]["paging"], "shadow");
}

TEST_F(Nested, ACheckoutOfKvmUnitTestsComesAlong) {
    fs::create_directories(path("kut") / "x86");
    fs::copy(NESTBED_GUESTS "/multiboot/exit.elf", path("kut") / "x86/exit.flat");
    std::ofstream(path("kut") / "x86/unittests.cfg") << "[passes]\nfile = exit.flat\n"
                                                        "test_args = d0\n\n"
                                                        "[fails]\nfile = exit.flat\n"
                                                        "test_args = d1\n\n"
                                                        "[not_built]\nfile = other.flat\n";
    const ProcessResult result =
        nested("npt", {"--", "kut", path("kut"), "--output", path("out.json")});
    EXPECT_EQ(result.exit_code, test_failed) << result.err;
    const json report = json::parse(contents(path("out.json")));
    ASSERT_EQ(report["tests"].size(), 3U);
    EXPECT_EQ(report["tests"][0]["verdict"], "passed");
    EXPECT_EQ(report["tests"][1]["reason"], "the guest ended with 1 (0 is a pass)");
    EXPECT_EQ(report["tests"][2]["verdict"], "skipped");
}

TEST_F(Nested, AGuestOfOnesOwnComesAlong) {
    fs::copy(NESTBED_GUESTS "/user.elf", path("mine.elf"));
    // And so does the report that names it.
    std::ofstream(path("failed.json")) << R"({"schema": 2, "tests": [], "measurements": [],
        "host": {"cpu": null, "kernel": null, "paging": null}, "not_finished": 2,
        "left_out": ["user.missing_page", "user.may_not_halt"], "guests": ["mine.elf"]})";
    expect_one_line_error(nested("npt", {"--", "run", "boot", "--rerun-failed", path("failed.json"),
                                         "--output", path("failed.json")}),
                          bad_input);
    const std::vector<std::string> arguments =
        command("npt", {"--", "run", "--rerun-failed", "failed.json", "--filter", "-*halt"});
    const ProcessResult result =
        Process(arguments, [folder = path("")] { ::chdir(folder.c_str()); }).wait(patience);
    EXPECT_EQ(result.exit_code, success) << result.err;
    EXPECT_THAT(result.out, HasSubstr("PASS  user.missing_page"));
    EXPECT_THAT(result.out, HasSubstr("1 test in"));
}

/// How often the processors of the machine say that their kernel uses five levels.
std::string five_level_cpus(const std::vector<std::string>& options) {
    std::vector<std::string> arguments = options;
    arguments.insert(arguments.end(),
                     {"--program", "/bin/grep", "--", "-c", "la57", "/proc/cpuinfo"});
    return Process(Nested::command("npt", arguments)).wait(patience).out;
}

TEST_F(Nested, FiveLevelsIfAskedFor) {
    EXPECT_EQ(five_level_cpus({}), "0\n");
    EXPECT_EQ(five_level_cpus({"--five-level", "--cpus", "3"}), "3\n");
}

TEST_F(Nested, MeasureSaysThatTimingsAreOfAnEmulation) {
    const ProcessResult result = nested("npt", {"--", "measure", "shootdown", "--samples", "5",
                                                "--target", "user", "--pages", "1"});
    EXPECT_EQ(result.exit_code, success) << result.err;
    EXPECT_LT(result.out.find("emulated in software"), result.out.find("protocol"));
}

TEST_F(Nested, AMissTakesAReferenceInEachStage) {
    const ProcessResult result = nested(
        "npt", {"--", "measure", "walk", "--guest-leaf", "4k,2m", "--backing", "anon",
                "--working-set", "16M", "--samples", "3", "--accesses", "200", "--format", "json"});
    ASSERT_EQ(result.exit_code, success) << result.err;
    const json report = json::parse(result.out);
    ASSERT_EQ(report["rows"].size(), 2U);
    const auto modelled = [&](std::size_t row, const char* chase, const std::string& name) {
        const json& all = report["measurements"];
        const auto found = std::ranges::find_if(all, [&](const json& measurement) {
            return measurement["name"] == chase &&
                   measurement["inputs"] == report["rows"][row]["inputs"];
        });
        return found->at("outcome").at("modelled_" + name).get<double>() /
               found->at("outcome").at("modelled_accesses").get<double>();
    };
    // More pages than the TLB has entries, under few tables. The guest's leaf is a PTE or a PDE,
    // the second stage's a PTE either way.
    for (const auto& [row, leaf] : {std::pair(0U, "pt"), std::pair(1U, "pd")}) {
        EXPECT_EQ(report["rows"][row]["derived"]["tlb_entry"], "4k");
        EXPECT_EQ(modelled(row, "chase", "misses"), 1.0);
        EXPECT_EQ(modelled(row, "chase", leaf), 1.0);
        EXPECT_EQ(modelled(row, "chase", "second_stage_pt"), 1.0);
        EXPECT_EQ(report["rows"][row]["derived"]["guest_references"], 2.0);
        EXPECT_EQ(report["rows"][row]["derived"]["process_references"], 1.0);
        EXPECT_EQ(modelled(row, "host chase", "second_stage_pt"), 0.0);
    }
}

TEST_F(Nested, MistakesAreFoundBeforeTheBoot) {
    for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
             {"--", "run", "--no-such-option"},
             {"--", "run", "no_such_guest"},
             {"--", "run", "--rerun-failed", "/nonexistent.json"},
             {"--", "nested", "--paging", "npt", "--", "run"},
             {"--", "measure", "fault", "--resume", "a.json"},
             {"--"},
             {"--kernel", "/nonexistent", "--modules", "/tmp", "--", "run"},
             {"--kernel", "/bin/sh", "--", "run"},
             {"--program", "/nonexistent", "--"},
             {"--with", "/nonexistent", "--", "run"},
             {"--cpus", "0", "--", "run"},
             {"--memory", "64M", "--", "run"},
             {"--kernel", "", "--modules", "", "--", "run"},
             {"--with", "/dev/zero", "--", "run"}}) {
        expect_one_line_error(nested("npt", arguments), bad_input);
    }
    expect_one_line_error(nested("npt", {"--", "run", "boot", "--output", "/nonexistent/out.json"}),
                          host_failed);
    expect_one_line_error(nested("ept", {"--five-level", "--", "run"}), bad_input);
    expect_one_line_error(nested("ept", {"--cpu-model", "z80", "--", "run"}), bad_input);
    expect_one_line_error(nested("tdx", {"--", "run"}), bad_input);
}

TEST_F(Nested, AnEmulatorThatDoesNotStartSaysWhy) {
    const ProcessResult result = nested("npt", {"--cpu-model", "z80", "--", "run"});
    expect_one_line_error(result, host_lacks);
    EXPECT_THAT(result.err, HasSubstr("unable to find CPU model 'z80'"));
}

TEST_F(Nested, AKilledQemuIsOneLine) {
    Process process(command("npt", {"--", "run", "shootdown", "--output", path("out.json")}));
    wait_for_output(process, "PASS");
    const int emulator = emulator_of(process);
    ASSERT_GT(emulator, 0);
    ::kill(emulator, SIGKILL);
    const ProcessResult result = process.wait(patience);
    EXPECT_EQ(result.exit_code, host_lacks);
    EXPECT_THAT(without_progress(result.err),
                AllOf(StartsWith("nestbed: QEMU"), HasSubstr("signal 9")));
    EXPECT_TRUE(is_gone(emulator));
    EXPECT_FALSE(fs::exists(path("out.json")));
}

TEST_F(Nested, AKilledBochsIsOneLine) {
    Process process(command("ept", {"--", "run"}));
    const int emulator = emulator_of(process);
    ASSERT_GT(emulator, 0);
    std::this_thread::sleep_for(500ms);
    ::kill(emulator, SIGKILL);
    const ProcessResult result = process.wait(patience);
    EXPECT_EQ(result.exit_code, host_lacks);
    EXPECT_THAT(without_progress(result.err),
                AllOf(StartsWith("nestbed: Bochs"), HasSubstr("signal 9")));
    EXPECT_TRUE(is_gone(emulator));
}

TEST_F(Nested, AnInterruptEndsTheEmulator) {
    for (const int signal : {SIGINT, SIGTERM}) {
        Process process(command("npt", {"--", "run", "shootdown"}));
        wait_for_output(process, "PASS");
        const int emulator = emulator_of(process);
        ASSERT_GT(emulator, 0);
        process.send(signal);
        EXPECT_EQ(process.wait(patience).exit_code, interrupted);
        EXPECT_TRUE(is_gone(emulator));
    }
}

TEST_F(Nested, TheEmulatorDoesNotOutliveAKilledProgram) {
    Process process(command("npt", {"--", "run", "shootdown"}));
    const int emulator = emulator_of(process);
    ASSERT_GT(emulator, 0);
    process.send(SIGKILL);
    EXPECT_EQ(process.wait(patience).signal, SIGKILL);
    EXPECT_TRUE(is_gone(emulator));
    fs::remove_all(temporary());  // nobody was left to do it
    fs::create_directory(temporary());
}

TEST_F(Nested, AMachineThatSaysNothingIsTriedTwice) {
    const ProcessResult result = nested("npt", {"--timeout", "0.3", "--", "run"});
    EXPECT_EQ(result.exit_code, host_lacks);
    EXPECT_THAT(result.err, HasSubstr("trying once more"));
    EXPECT_THAT(result.out, IsEmpty());
}

TEST_F(Nested, AProcessorWithoutSvmIsNamedByTheModule) {
    fs::create_directory(path("modules"));
    for (const char* name : {"irqbypass.ko", "kvm.ko", "kvm_amd.ko"}) {
        fs::copy(kernel_folder() / name, path("modules"));
    }
    const ProcessResult result =
        nested("npt", {"--kernel", kernel_folder() / "vmlinuz", "--modules", path("modules"),
                       "--cpu-model", "max,svm=off", "--", "run"});
    EXPECT_EQ(result.exit_code, host_lacks);
    EXPECT_THAT(result.err, HasSubstr("does not load kvm_amd.ko npt=1"));
}

TEST_F(Nested, AProcessorWithoutNestedPagingIsNotTakenForOne) {
    const ProcessResult result = nested("npt", {"--cpu-model", "max,npt=off", "--", "run"});
    EXPECT_EQ(result.exit_code, host_lacks);
    EXPECT_THAT(result.err, HasSubstr("has not the paging that was asked for"));
    EXPECT_THAT(result.out, IsEmpty());
}

TEST_F(Nested, APanicIsSaidWithItsReason) {
    // More than the machine has memory for once it is unpacked, but not as it is: then nothing
    // would boot, and nobody could say why.
    std::ofstream(path("large")) << "1";
    fs::resize_file(path("large"), 150 << 20);
    const ProcessResult result =
        nested("npt", {"--memory", "256M", "--with", path("large"), "--", "run"});
    EXPECT_EQ(result.exit_code, host_lacks);
    EXPECT_THAT(result.err, HasSubstr("Kernel panic"));
}

TEST_F(Nested, AReaderThatGoesAwayEndsTheMachine) {
    const std::string script =
        std::string(NESTBED_PROGRAM) + " nested --paging npt -- run shootdown | head -n 1";
    const ProcessResult result = Process({"/bin/sh", "-c", script}).wait(patience);
    EXPECT_THAT(result.out, StartsWith("PASS"));
    EXPECT_THAT(result.err, HasSubstr("Broken pipe"));
}

TEST_F(Nested, AHangupEndsTheMachine) {
    Process process(command("npt", {"--", "run", "shootdown"}));
    wait_for_output(process, "PASS");
    const int emulator = emulator_of(process);
    ASSERT_GT(emulator, 0);
    process.send(SIGHUP);
    EXPECT_EQ(process.wait(patience).exit_code, interrupted);
    EXPECT_TRUE(is_gone(emulator));
}

TEST_F(Nested, PathsMayLeadThroughOtherFolders) {
    fs::create_directory(path("sub"));
    fs::copy(NESTBED_GUESTS "/user.elf", path("mine.elf"));
    const std::vector<std::string> arguments =
        command("npt", {"--", "run", "sub/../mine.elf", "--output", "sub/../out.json"});
    const ProcessResult result =
        Process(arguments, [folder = path("")] { ::chdir(folder.c_str()); }).wait(patience);
    EXPECT_EQ(result.exit_code, success) << result.err;
    EXPECT_TRUE(fs::exists(path("out.json")));
}

TEST_F(Nested, ADamagedKernelIsNamedWithTheRemedy) {
    fs::create_directories(path("cache"));
    fs::copy(kernel_folder(), path("cache") / "kernel");
    std::fstream(path("cache") / "kernel" / "kvm.ko", std::ios::in | std::ios::out)
        .seekp(5000)
        .put('x');
    const ProcessResult result = nested("npt", {"--cache", path("cache"), "--", "run"});
    expect_one_line_error(result, host_lacks);
    EXPECT_THAT(result.err, AllOf(HasSubstr("is damaged"), HasSubstr("rm -r ")));
}

TEST_F(Nested, AKernelWithoutKvmAmdIsOneLine) {
    fs::create_directory(path("modules"));
    fs::copy(kernel_folder() / "kvm.ko", path("modules"));
    const ProcessResult result = nested("npt", {"--kernel", kernel_folder() / "vmlinuz",
                                                "--modules", path("modules"), "--", "run"});
    expect_one_line_error(result, host_lacks);
    EXPECT_THAT(result.err, HasSubstr("no module kvm_amd"));
}

/// In a mount namespace of its own: a disk of 1 MiB at `folder`.
void make_disk_small(const fs::path& folder) {
    ::unshare(CLONE_NEWNS);
    ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    ::mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=1m");
}

TEST_F(Nested, AFullDiskIsOneLine) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "needs root, to mount a small disk";
    }
    // Bochs boots from a disk that is made for it; QEMU needs none.
    const ProcessResult result =
        nested("ept", {"--", "run"}, [folder = temporary()] { make_disk_small(folder); });
    expect_one_line_error(result, host_failed);
    EXPECT_THAT(result.err, HasSubstr("No space left on device"));
}

TEST_F(Nested, AFullDiskUnderTheCacheLeavesNoKernel) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "needs root, to mount a small disk";
    }
    fs::create_directory(path("cache"));
    // Looked at in the same namespace: nothing but the lock is left.
    const std::string script = std::string(NESTBED_PROGRAM) + " nested --paging npt --cache " +
                               path("cache").string() + " -- run; echo $?; ls " +
                               path("cache").string();
    const ProcessResult result = Process({"/bin/sh", "-c", script}, [folder = path("cache")] {
                                     make_disk_small(folder);
                                 }).wait(patience);
    EXPECT_EQ(result.out, "3\nlock\n");
    EXPECT_THAT(result.err, AllOf(StartsWith("nestbed: cannot "), HasSubstr("pace")));
    EXPECT_EQ(std::ranges::count(result.err, '\n'), 1) << result.err;
}

}  // namespace
}  // namespace nestbed::test
