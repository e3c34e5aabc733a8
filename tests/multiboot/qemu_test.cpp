// The program called as nestbed-qemu: kvm-unit-tests' QEMU.

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/multiboot/multiboot_test.hpp"
#include "tests/program/expectations.hpp"

namespace nestbed::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

/// The program by that name, in a folder.
class QemuName {
  public:
    QemuName() {
        std::string pattern = testing::TempDir() + "nestbed-qemu-XXXXXX";
        folder_ = ::mkdtemp(pattern.data());
        fs::create_symlink(NESTBED_PROGRAM, program());
    }
    ~QemuName() { fs::remove_all(folder_); }
    QemuName(const QemuName&) = delete;
    QemuName& operator=(const QemuName&) = delete;

    std::string program() const { return folder_ / "nestbed-qemu"; }

    std::vector<std::string> command(const std::vector<std::string>& words) const {
        std::vector<std::string> all{program()};
        all.insert(all.end(), words.begin(), words.end());
        return all;
    }

    ProcessResult operator()(const std::vector<std::string>& words) const {
        return Process(command(words)).wait();
    }

  private:
    fs::path folder_;
};

/// The words that kvm-unit-tests' x86/run has for every guest.
std::vector<std::string> usual_words(const std::string& kernel,
                                     const std::vector<std::string>& more = {}) {
    std::vector<std::string> words{
        "--no-reboot", "-nodefaults", "-global",  "kvm-pit.lost_tick_policy=discard",
        "-device",     "pc-testdev",  "-device",  "isa-debug-exit,iobase=0xf4,iosize=0x4",
        "-display",    "none",        "-serial",  "stdio",
        "-device",     "pci-testdev", "-machine", "accel=kvm",
        "-kernel",     kernel};
    words.insert(words.end(), more.begin(), more.end());
    return words;
}

std::string guest(const char* name) { return multiboot_guest(name); }

TEST(AsQemuMultiboot, Help) {
    const QemuName qemu;
    const ProcessResult help = qemu({"--help"});
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_THAT(help.out, HasSubstr("QEMU"));
    const ProcessResult version = qemu({"-h"});
    EXPECT_EQ(version.exit_code, 0);
    EXPECT_THAT(version.out, StartsWith("QEMU emulator version "));
    const ProcessResult devices = qemu({"-device", "?"});
    EXPECT_EQ(devices.exit_code, 0);
    EXPECT_THAT(devices.out, AllOf(HasSubstr("\"pc-testdev\""), HasSubstr("pci-testdev")));
}

TEST(AsQemuMultiboot, ARefusedOptionComesBeforeTheKernelIsLookedFor) {
    const QemuName qemu;
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"-device", "e1000", "-kernel", "_NO_FILE_"},
          {"-kernel", "_NO_FILE_", "-machine", "accel=tcg"},
          {"-kernel", "_NO_FILE_", "-smp", "1000"},
          {"-kernel", "_NO_FILE_", "-no-such-option"}}) {
        SCOPED_TRACE(testing::PrintToString(words));
        const ProcessResult result = qemu(words);
        EXPECT_EQ(result.exit_code, 1);
        EXPECT_THAT(result.out, IsEmpty());
        EXPECT_THAT(result.err, AllOf(StartsWith("nestbed-qemu: "), Not(HasSubstr("_NO_FILE_"))));
        EXPECT_EQ(std::ranges::count(result.err, '\n'), 1);
    }
    EXPECT_THAT(qemu({"-smp", "1000", "-kernel", "_NO_FILE_"}).err, HasSubstr("SMP CPUs"));
    EXPECT_EQ(qemu({}).exit_code, 1);
}

using AsQemu = Multiboot;

TEST_F(AsQemu, MultibootNoFile) {
    const ProcessResult result = QemuName()(usual_words("_NO_FILE_"));
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_THAT(result.out, IsEmpty());
    EXPECT_THAT(result.err, HasSubstr("could not open kernel file '_NO_FILE_'"));
    const ProcessResult model = QemuName()(usual_words("_NO_FILE_", {"-cpu", "no-such-model"}));
    EXPECT_EQ(model.exit_code, 1);
    EXPECT_THAT(model.err, Not(HasSubstr("_NO_FILE_")));
}

TEST_F(AsQemu, MultibootRun) {
    std::ofstream(path("environment")) << "A=1\nB=2\n";
    const ProcessResult result = QemuName()(
        usual_words(guest("information"), {"-initrd", path("environment"), "-append", "one two",
                                           "-smp", "1", "-m", "16", "-cpu", "max"}));
    EXPECT_EQ(result.exit_code, 1) << "of a value of 0";
    EXPECT_EQ(result.out,
              "flags 0000004d\nmemory below 00000280\nmemory above 00003c00\n"
              "command line " +
                  guest("information") + " one two\nmodules 00000001\nA=1\nB=2\n");
    EXPECT_THAT(result.err, IsEmpty());
}

TEST_F(AsQemu, MultibootStatus) {
    const QemuName qemu;
    for (const auto& [argument, status] : {std::pair{"d0", 1},
                                           {"d1", 3},
                                           {"d38", 77},
                                           {"b63", 127},
                                           {"d127", 255},
                                           {"d128", 1},
                                           {"d4294967295", 255}}) {
        SCOPED_TRACE(argument);
        const ProcessResult result = qemu(usual_words(guest("exit"), {"-append", argument}));
        EXPECT_EQ(result.exit_code, status);
        EXPECT_THAT(result.err, IsEmpty());
    }
}

TEST_F(AsQemu, MultibootLacksAFeature) {
    // No processor has both of these.
    const ProcessResult result =
        QemuName()(usual_words(guest("exit"), {"-append", "d0", "-cpu", "max,+vmx,+svm"}));
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_THAT(result.err, AllOf(StartsWith("nestbed-qemu: "), HasSubstr("warning: ")));
    EXPECT_THAT(result.out, IsEmpty());
}

TEST_F(AsQemu, MultibootDeath) {
    const QemuName qemu;
    const ProcessResult died = qemu(usual_words(guest("death"), {"-append", "p"}));
    EXPECT_EQ(died.exit_code, 2);
    EXPECT_EQ(died.out, "goes on to die\n");
    EXPECT_THAT(died.err, AllOf(HasSubstr("there is no sleep of type 5 here"),
                                HasSubstr("in_protected_mode"), HasSubstr("backtrace")));
    const ProcessResult off = qemu(usual_words(guest("sleep"), {"-append", "o"}));
    EXPECT_EQ(off.exit_code, 2);
    EXPECT_THAT(off.err, HasSubstr("the guest has switched its PC off"));
    const ProcessResult not_a_guest = qemu(usual_words("/dev/null"));
    EXPECT_EQ(not_a_guest.exit_code, 1);
    EXPECT_EQ(std::ranges::count(not_a_guest.err, '\n'), 1);
}

/// The processes that `parent` has started.
std::vector<int> children_of(int parent) {
    std::vector<int> children;
    for (const auto& thread : fs::directory_iterator("/proc/" + std::to_string(parent) + "/task")) {
        std::ifstream file(thread.path() / "children");
        for (int child = 0; file >> child;) {
            children.push_back(child);
        }
    }
    return children;
}

TEST_F(AsQemu, MultibootIsEndedFromOutside) {
    const QemuName qemu;
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    Process process(qemu.command(usual_words(guest("death"), {"-append", "h"})),
                    [&] { ::dup2(ends[1], STDOUT_FILENO); });
    ::close(ends[1]);
    // The line comes while the guest still runs.
    const std::string expected = "goes on to die\n";
    std::string out;
    pollfd one{.fd = ends[0], .events = POLLIN, .revents = 0};
    while (out.size() < expected.size() && ::poll(&one, 1, 60'000) == 1) {
        std::array<char, 100> bytes{};
        const ssize_t count = ::read(ends[0], bytes.data(), bytes.size());
        if (count <= 0) {
            break;
        }
        out.append(bytes.data(), static_cast<std::size_t>(count));
    }
    EXPECT_EQ(out, expected);
    const std::vector<int> children = children_of(process.id());
    EXPECT_THAT(children, Not(IsEmpty())) << "the guest is in a process of its own";
    process.send(SIGTERM);
    const ProcessResult result = process.wait();
    EXPECT_TRUE(result.signal == SIGTERM || result.exit_code == 128 + SIGTERM) << result.exit_code;
    // Its end is closed when nobody has it any more, the VM's process neither.
    EXPECT_EQ(::poll(&one, 1, 60'000), 1);
    char more = 0;
    EXPECT_EQ(::read(ends[0], &more, 1), 0);
    ::close(ends[0]);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    for (const int child : children) {
        bool is_there = true;
        while (is_there && std::chrono::steady_clock::now() < deadline) {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
            // Who was its parent is gone, and it may be a zombie for a while.
            std::ifstream file("/proc/" + std::to_string(child) + "/stat");
            std::string text(std::istreambuf_iterator<char>(file), {});
            is_there = !text.empty() && text.find(") Z ") == std::string::npos;
        }
        EXPECT_FALSE(is_there) << "the process of the VM goes on";
    }
}

}  // namespace
}  // namespace nestbed::test
