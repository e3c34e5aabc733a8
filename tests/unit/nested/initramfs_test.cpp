#include "vmm/nested/initramfs.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "tests/unit/base/temporary_folder.hpp"
#include "tests/unit/nested/cpio_reader.hpp"
#include "tests/unit/nested/environment_variable.hpp"
#include "tests/unit/nested/failure.hpp"
#include "tests/unit/nested/module_file.hpp"
#include "vmm/host/emulated_machine.hpp"
#include "vmm/nested/init.hpp"

namespace nestbed::vmm {
namespace {

namespace fs = std::filesystem;
using test::CpioEntry;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class InitramfsTest : public testing::Test {
  public:
    InitramfsTest() {
        folder_.write("modules/kvm.ko", test::module_file(""));
        folder_.write("modules/kvm-amd.ko", test::module_file("kvm"));
        command_.arguments = {"run", "paging"};
        command_.directory = "/home/somebody";
    }

    NestedCommand& command() { return command_; }
    const test::TemporaryFolder& folder() const { return folder_; }

    std::string archive() const {
        return make_initramfs({.name = "Fake 1.0",
                               .cpu_model = "some CPU",
                               .kvm_module = "kvm-amd",
                               .kvm_parameters = "npt=1",
                               .expected_parameter = {"/sys/module/kvm_amd/parameters/npt", "Y"},
                               .complaint_in = {},
                               .command = {}},
                              {.image = {},
                               .modules = folder_.path() / "modules",
                               .package = "",
                               .package_checksum = "",
                               .checksum = "12"},
                              command_, 1);
    }
    /// What the kernel will find.
    test::CpioReader unpacked() const {
        const std::string bytes = archive();
        return test::CpioReader(bytes);
    }
    static Task task_in(const test::CpioReader& files) {
        return task_from(files.entry("nestbed/task.cbor").contents);
    }

  private:
    test::TemporaryFolder folder_;
    NestedCommand command_;
};

TEST_F(InitramfsTest, HasThisProgram) {
    const test::CpioReader files = unpacked();
    const CpioEntry program = files.entry("nestbed/nestbed");
    EXPECT_EQ(program.mode, S_IFREG | 0755U);
    EXPECT_EQ(program.contents.size(), fs::file_size("/proc/self/exe"));
    EXPECT_THAT(files.names(), Not(Contains(HasSubstr(".so")))) << "it is static";
}

TEST_F(InitramfsTest, HasWhatTheKernelNeedsForIt) {
    const test::CpioReader files = unpacked();
    const CpioEntry console = files.entry("dev/console");
    EXPECT_EQ(console.mode & S_IFMT, S_IFCHR | 0U);
    EXPECT_EQ(console.major, 5U);
    EXPECT_EQ(console.minor, 1U);
    EXPECT_EQ(files.entry("proc").mode & S_IFMT, S_IFDIR | 0U);
    EXPECT_EQ(files.entry("sys").mode & S_IFMT, S_IFDIR | 0U);
}

TEST_F(InitramfsTest, EverybodyMayWriteToTmp) {
    EXPECT_EQ(unpacked().entry("tmp").mode, S_IFDIR | 01777U);
}

TEST_F(InitramfsTest, TheCommandRunsInItsDirectory) {
    const test::CpioReader files = unpacked();
    const Task task = task_in(files);
    EXPECT_THAT(task.command, ElementsAre(program_path, "run", "paging"));
    EXPECT_EQ(task.directory, "/home/somebody");
    EXPECT_EQ(task.expected_parameter.path, "/sys/module/kvm_amd/parameters/npt");
    EXPECT_EQ(task.expected_parameter.value, "Y");
    EXPECT_EQ(files.entry("home/somebody").mode & S_IFMT, S_IFDIR | 0U);
}

TEST_F(InitramfsTest, TheCommandKnowsWhoReadsItsOutput) {
    const test::EnvironmentVariable runner("GITHUB_ACTIONS", "true");
    const test::EnvironmentVariable color("NO_COLOR", std::nullopt);
    EXPECT_THAT(task_in(unpacked()).environment, ElementsAre("GITHUB_ACTIONS=true"));
}

TEST_F(InitramfsTest, TheModulesAreLoadedInOrderTheLastWithParameters) {
    const test::CpioReader files = unpacked();
    const Task task = task_in(files);
    EXPECT_THAT(task.modules, ElementsAre("/nestbed/kvm.ko", "/nestbed/kvm_amd.ko"));
    EXPECT_EQ(task.module_parameters, "npt=1");
    EXPECT_EQ(files.entry("nestbed/kvm_amd.ko").contents, test::module_file("kvm"));
}

TEST_F(InitramfsTest, InputsAreWhereTheyAreHere) {
    const fs::path input = folder().write("guests/a.elf", "a guest");
    command().inputs = {input};
    EXPECT_EQ(unpacked().entry(input.relative_path().string()).contents, "a guest");
}

TEST_F(InitramfsTest, AnInputMayBeAFolder) {
    folder().write("guests/a.elf", "a guest");
    folder().write("guests/more/b.elf", "another");
    command().inputs = {folder().path() / "guests"};
    const test::CpioReader files = unpacked();
    const std::string guests = (folder().path() / "guests").relative_path();
    EXPECT_EQ(files.entry(guests + "/a.elf").contents, "a guest");
    EXPECT_EQ(files.entry(guests + "/more/b.elf").contents, "another");
}

TEST_F(InitramfsTest, InputsKeepTheirPermissions) {
    folder().write_script("guests/run", "exit 0");
    command().inputs = {folder().path() / "guests/run"};
    EXPECT_EQ(unpacked().entry(command().inputs[0].relative_path().string()).mode, S_IFREG | 0700U);
}

TEST_F(InitramfsTest, MayRunAnotherProgramWithItsLibraries) {
    command().program = "/bin/sh";
    const test::CpioReader files = unpacked();
    const Task task = task_in(files);
    EXPECT_THAT(task.command, ElementsAre("/bin/sh", "run", "paging"));
    EXPECT_EQ(files.entry("bin/sh").contents.size(), fs::file_size("/bin/sh"));
    EXPECT_THAT(files.names(), Contains(HasSubstr("/libc.so")));
    EXPECT_THAT(files.names(), Contains(HasSubstr("/ld-linux")));
    EXPECT_THAT(files.names(), Contains("nestbed/nestbed")) << "it is the first process";
}

TEST_F(InitramfsTest, OutputsHaveTheirFolders) {
    command().outputs = {"/results/npt/report.json", "report.xml", "../report.tap"};
    const test::CpioReader files = unpacked();
    EXPECT_THAT(
        task_in(files).outputs,
        ElementsAre("/results/npt/report.json", "/home/somebody/report.xml", "/home/report.tap"));
    EXPECT_THAT(files.names(), Contains("results/npt"));
}

TEST_F(InitramfsTest, SaysWhatTheMachineIs) {
    EXPECT_EQ(unpacked().entry("nestbed/machine.json").contents, text_of({.emulator = "Fake 1.0",
                                                                          .cpu_model = "some CPU",
                                                                          .kernel_package = "",
                                                                          .package_checksum = "",
                                                                          .kernel_checksum = "12",
                                                                          .retries = 1}));
}

TEST_F(InitramfsTest, AMissingFileIsNamed) {
    command().inputs = {"/no/such/guest.elf"};
    EXPECT_EQ(test::failure_of([&] { archive(); }, ErrorKind::input),
              "cannot read /no/such/guest.elf: No such file or directory");
}

}  // namespace
}  // namespace nestbed::vmm
