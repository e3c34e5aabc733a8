// What goes wrong on purpose or by malice: in a machine, behind an emulator, in what is given
// along.

#include <gmock/gmock.h>

#include <csignal>
#include <thread>

#include "tests/unit/base/temporary_folder.hpp"
#include "tests/unit/nested/cpio_reader.hpp"
#include "tests/unit/nested/environment_variable.hpp"
#include "tests/unit/nested/failure.hpp"
#include "tests/unit/nested/fake_machine.hpp"
#include "tests/unit/nested/module_file.hpp"
#include "vmm/nested/child_process.hpp"
#include "vmm/nested/initramfs.hpp"
#include "vmm/nested/kernel.hpp"
#include "vmm/nested/kernel_modules.hpp"

namespace nestbed::vmm {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using test::sends;

BootStart script_machine(const std::string& script) {
    return {.emulator = "Fake 1.0", .command = {"sh", "-c", script}, .silence = 60s};
}

TEST(NestedHostile, WhatTheEmulatorLeftBehindIsNotWaitedFor) {
    const test::TemporaryFolder folder;
    test::Recorder observer;
    boot(script_machine("(sleep 3; echo late >" + (folder.path() / "marker").string() +
                        ") & exit 3"),
         observer, {});
    EXPECT_EQ(folder.read("marker"), "");
}

TEST(NestedHostile, WhatTheEmulatorLeftBehindMayTalkForEver) {
    const test::TemporaryFolder folder;
    test::Recorder observer;
    std::stop_source stop;
    const std::string file = folder.path() / "pid";
    std::jthread rescue([&](const std::stop_token& over) {
        for (int n = 0; n < 50 && !over.stop_requested(); ++n) {
            std::this_thread::sleep_for(100ms);
        }
        ::kill(std::stoi(folder.read("pid")), SIGKILL);
        EXPECT_TRUE(over.stop_requested()) << "it was heard until it was killed";
    });
    boot(script_machine("yes >&3 & echo $! >" + file + "; exit 3"), observer, {});
}

TEST(NestedHostile, AFinishedFrameWithoutANumberIsNoSuccess) {
    test::Recorder observer;
    try {
        const BootResult result =
            boot(script_machine(sends(FrameKind::finished, "oops")), observer, {});
        EXPECT_NE(result.end, BootEnd::finished) << "code " << result.code;
    } catch (const Error&) {
    }
}

TEST(NestedHostile, GarbageAfterTheLastFrameDoesNoHarm) {
    test::Recorder observer;
    EXPECT_NO_THROW(boot(script_machine(sends(FrameKind::finished, "0") +
                                        "sleep 0.5; echo 'reboot: Power down' >&4"),
                         observer, {}));
}

TEST(NestedHostile, TheLastFrameIsTheLast) {
    test::Recorder observer;
    const BootResult result =
        boot(script_machine(sends(FrameKind::finished, "1") + sends(FrameKind::output, "late") +
                            sends(FrameKind::finished, "0")),
             observer, {});
    EXPECT_EQ(result.code, 1);
    EXPECT_EQ(observer.events, "");
}

TEST(NestedHostile, AFolderIsNoProgram) { EXPECT_FALSE(program_exists("/tmp")); }

TEST(NestedHostile, APathThatIsRelativeIsOursNotTheChilds) {
    const test::TemporaryFolder folder;
    folder.write_script("bin/our-program", "exit 0");
    const test::EnvironmentVariable path("PATH", fs::relative(folder.path() / "bin"));
    ChildProcess child({.command = {"our-program"}, .directory = "/"});
    EXPECT_EQ(text_of(child.wait()), "exit status 0");
}

TEST(NestedHostile, AChecksumOfAFileWithABackslash) {
    const test::TemporaryFolder folder;
    EXPECT_EQ(checksum_of(folder.write("odd\\name", "abc")).size(), 64U);
}

TEST(NestedHostile, ACacheThatCannotBeLookedAtIsAnError) {
    const test::TemporaryFolder folder;
    fs::create_symlink("loop", folder.path() / "loop");
    EXPECT_THROW(cached_kernel(folder.path() / "loop"), Error);
}

/// Of a machine with one module.
std::string initramfs_with(const NestedCommand& command) {
    const test::TemporaryFolder folder;
    folder.write("kvm.ko", test::module_file(""));
    return make_initramfs({.name = {},
                           .cpu_model = {},
                           .kvm_module = "kvm",
                           .kvm_parameters = {},
                           .expected_parameter = {},
                           .complaint_in = {},
                           .command = {}},
                          {.image = {},
                           .modules = folder.path(),
                           .package = {},
                           .package_checksum = {},
                           .checksum = {}},
                          command, 0);
}

TEST(NestedHostile, AStaticProgramMayBeRun) {
    EXPECT_NO_THROW(initramfs_with({.program = NESTBED_GUESTS "/boot.elf",
                                    .arguments = {},
                                    .directory = "/",
                                    .inputs = {},
                                    .outputs = {}}));
}

TEST(NestedHostile, AnEmptyFolderInAnInputFolderIsThere) {
    const test::TemporaryFolder folder;
    fs::create_directories(folder.path() / "in/empty");
    const std::string archive = initramfs_with({.program = {},
                                                .arguments = {},
                                                .directory = "/",
                                                .inputs = {folder.path() / "in"},
                                                .outputs = {}});
    EXPECT_THAT(test::CpioReader(archive).names(),
                testing::Contains(testing::EndsWith("/in/empty")));
}

TEST(NestedHostile, ModulesThatNeedEachOtherAreAnError) {
    const test::TemporaryFolder folder;
    folder.write("a.ko", test::module_file("b"));
    folder.write("b.ko", test::module_file("a"));
    EXPECT_EXIT(
        {
            try {
                modules_to_load(folder.path(), "a");
            } catch (const Error&) {
                std::_Exit(7);
            }
            std::_Exit(0);
        },
        testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace nestbed::vmm
