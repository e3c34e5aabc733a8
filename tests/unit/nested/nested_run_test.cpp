// Machines that hang or not, with a shell in place of their emulator.

#include "vmm/nested/nested_run.hpp"
#include "vmm/base/descriptor.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>

#include "tests/unit/base/temporary_folder.hpp"
#include "tests/unit/nested/cpio_reader.hpp"
#include "tests/unit/nested/environment_variable.hpp"
#include "tests/unit/nested/failure.hpp"
#include "tests/unit/nested/fake_machine.hpp"
#include "tests/unit/nested/module_file.hpp"
#include "vmm/base/descriptor.hpp"
#include "vmm/host/emulated_machine.hpp"
#include "vmm/nested/init.hpp"

namespace nestbed::vmm {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using test::hangs;
using test::sends;
using testing::ElementsAre;
using testing::HasSubstr;

/// Runs a shell script. $1 is the initramfs, $2 the folder for files of the emulator's own.
Emulator fake_emulator(const std::string& script) {
    return {.name = "Fake 1.0",
            .cpu_model = "some CPU",
            .kvm_module = "kvm-fake",
            .kvm_parameters = "npt=1",
            .expected_parameter = {"/sys/module/kvm_fake", "Y"},
            .complaint_in = [](const std::string& said) { return "it said " + said; },
            .needs_folder = true,
            .command = [script](const NestedKernel& /*kernel*/, const fs::path& initramfs,
                                const fs::path& folder) -> std::vector<std::string> {
                EXPECT_TRUE(fs::is_regular_file(initramfs));
                return {"sh", "-c", script, "sh", folder};
            }};
}

class NestedRunTest : public testing::Test {
  public:
    NestedRunTest() : temporary_files_("TMPDIR", folder_.path() / "tmp") {
        fs::create_directory(folder_.path() / "tmp");
        folder_.write("modules/kvm.ko", test::module_file(""));
        folder_.write("modules/kvm-fake.ko", test::module_file("kvm"));
    }

    BootResult run(const std::string& script, std::chrono::milliseconds silence) {
        NestedMachine machine{
            .emulator =
                fake_emulator("echo boot >>" + (folder_.path() / "boots").string() + "; " + script),
            .kernel = {.image = {},
                       .modules = folder_.path() / "modules",
                       .package = "linux 6.1",
                       .package_checksum = "12",
                       .checksum = "34"},
            .command = {.program = {},
                        .arguments = {"doctor"},
                        .directory = fs::current_path(),
                        .inputs = {},
                        .outputs = {}},
            .silence = silence,
            .outputs = {}};
        return run_nested(machine, observer_, {});
    }

    /// A shell command that does `then` at the first boot only.
    std::string at_first(const std::string& then) const {
        return "if [ $(wc -l <" + (folder_.path() / "boots").string() + ") = 1 ]; then " + then +
               "; fi; ";
    }

    /// Where a script may leave something.
    std::string copy() const { return folder_.path() / "copy"; }
    /// A shell command that leaves the initramfs there.
    std::string copies_initramfs() const { return "cp /dev/stdin " + copy() + "; "; }
    /// A file that the machine found in it.
    std::string file_there(const char* path) const {
        const std::string archive = folder_.read("copy");
        return test::CpioReader(archive).entry(path).contents;
    }

    std::string events() const { return observer_.events; }
    const test::TemporaryFolder& folder() const { return folder_; }

  private:
    test::TemporaryFolder folder_;
    test::EnvironmentVariable temporary_files_;
    test::Recorder observer_;
};

TEST_F(NestedRunTest, FinishesAtOnce) {
    const BootResult result = run(sends(FrameKind::finished, "7"), 60s);
    EXPECT_EQ(result.end, BootEnd::finished);
    EXPECT_EQ(result.code, 7);
    EXPECT_EQ(result.retries, 0U);
    EXPECT_EQ(folder().read("boots"), "boot\n");
}

TEST_F(NestedRunTest, AHungMachineGetsASecondChance) {
    const BootResult result = run(at_first(hangs) + sends(FrameKind::ready) + copies_initramfs() +
                                      sends(FrameKind::finished, "0"),
                                  3s);
    EXPECT_EQ(result.end, BootEnd::finished);
    EXPECT_EQ(result.retries, 1U);
    EXPECT_EQ(events(), "retrying: nothing was heard of the nested machine for 3 s. ready. ");
    EXPECT_EQ(emulated_machine_from(file_there("nestbed/machine.json")).retries, 1U);
}

TEST_F(NestedRunTest, ThereIsNoThirdChance) {
    const BootResult result = run(hangs, 300ms);
    EXPECT_EQ(result.end, BootEnd::hung);
    EXPECT_EQ(result.retries, 1U);
    EXPECT_EQ(events(), "retrying: nothing was heard of the nested machine for 0.3 s. ");
}

TEST_F(NestedRunTest, AMachineThatHangsAfterOutputGetsNone) {
    const BootResult result = run(sends(FrameKind::output, "PASS") + hangs, 3s);
    EXPECT_EQ(result.end, BootEnd::hung);
    EXPECT_EQ(result.retries, 0U);
    EXPECT_EQ(events(), "output: PASS. ") << "nothing is shown twice";
}

TEST_F(NestedRunTest, ABrokenMachineGetsNone) {
    const BootResult result = run("printf oops; exit 1", 60s);
    EXPECT_EQ(result.end, BootEnd::broken);
    EXPECT_THAT(result.reason, HasSubstr("exit status 1: it said oops"));
    EXPECT_EQ(folder().read("boots"), "boot\n");
}

TEST_F(NestedRunTest, TheMachineKnowsWhatItIs) {
    run(copies_initramfs() + sends(FrameKind::finished, "0"), 60s);
    const EmulatedMachine machine = emulated_machine_from(file_there("nestbed/machine.json"));
    EXPECT_EQ(machine.emulator, "Fake 1.0");
    EXPECT_EQ(machine.cpu_model, "some CPU");
    EXPECT_EQ(machine.kernel_package, "linux 6.1");
    EXPECT_EQ(machine.package_checksum, "12");
    EXPECT_EQ(machine.kernel_checksum, "34");
    EXPECT_EQ(machine.retries, 0U);
}

TEST_F(NestedRunTest, TheMachineHasTheCommandAndKvm) {
    run(copies_initramfs() + sends(FrameKind::finished, "0"), 60s);
    const Task task = task_from(file_there("nestbed/task.cbor"));
    EXPECT_THAT(task.command, ElementsAre(program_path, "doctor"));
    EXPECT_EQ(task.directory, fs::current_path());
    EXPECT_THAT(task.modules, ElementsAre("/nestbed/kvm.ko", "/nestbed/kvm_fake.ko"));
    EXPECT_EQ(task.module_parameters, "npt=1");
}

TEST_F(NestedRunTest, TheEmulatorRunsInItsFolder) {
    run("test $PWD -ef $1 && echo yes >" + copy() + "; exit 1", 60s);
    EXPECT_EQ(folder().read("copy"), "yes\n");
}

TEST_F(NestedRunTest, TheFolderOfTemporaryFilesMayBeRelative) {
    const test::EnvironmentVariable temporary_files("TMPDIR",
                                                    fs::relative(folder().path() / "tmp"));
    run("test -f /dev/stdin && test -d $1 && echo both >" + copy() + "; exit 1", 60s);
    EXPECT_EQ(folder().read("copy"), "both\n");
}

TEST_F(NestedRunTest, LeavesNoFilesBehind) {
    run("touch screen; ls $1 >" + copy() + "; exit 1", 60s);
    EXPECT_EQ(folder().read("copy"), "screen\n");
    EXPECT_TRUE(fs::is_empty(folder().path() / "tmp"));
}

TEST_F(NestedRunTest, WhatOneThatWasKilledHasLeftIsRemoved) {
    folder().write("tmp/nestbed-machine-killed/cd.iso", "");
    folder().write("tmp/nestbed-machine-in-use/cd.iso", "");
    folder().write("tmp/nestbed-of-somebody/file", "");
    const std::string used = folder().path() / "tmp/nestbed-machine-in-use";
    const Descriptor lock(::open(used.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
    run("cd ..; ls -d nestbed-machine-killed nestbed-machine-in-use nestbed-of-somebody >" +
            copy() + "; exit 1",
        60s);
    EXPECT_EQ(folder().read("copy"), "nestbed-machine-in-use\nnestbed-of-somebody\n");
}

TEST_F(NestedRunTest, WithoutAModuleNothingIsBooted) {
    fs::remove(folder().path() / "modules/kvm.ko");
    EXPECT_THAT(test::failure_of([&] { run("exit 1", 60s); }),
                HasSubstr("there is no module kvm (needed by kvm_fake)"));
    EXPECT_EQ(folder().read("boots"), "");
}

}  // namespace
}  // namespace nestbed::vmm
