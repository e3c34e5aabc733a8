// Multiboot guests by way of the program: nestbed run, nestbed kut, and the program called as
// nestbed-qemu, kvm-unit-tests' QEMU.

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/multiboot/multiboot_test.hpp"
#include "tests/program/expectations.hpp"

namespace nestbed::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class MultibootProgram : public Multiboot {
  protected:
    json report() const { return json::parse(contents(path("out.json"))); }
};

// nestbed run.

TEST_F(MultibootProgram, RunsAFileWithArgumentsAndEnvironment) {
    const std::string guest = multiboot_guest("information");
    const ProcessResult result = nestbed({"run", guest, "--append", "one two", "--env", "A=1",
                                          "--env", "B=x y", "--output", path("out.json")});
    EXPECT_EQ(result.exit_code, success) << result.out << result.err;
    const json all = report();
    const json& test = all["tests"][0];
    EXPECT_EQ(test["suite"], "information");
    EXPECT_EQ(test["name"], "elf");
    EXPECT_EQ(test["verdict"], "passed");
    EXPECT_EQ(test["multiboot"]["exit_value"], 0);
    const std::vector<std::string> log = test["log"];
    EXPECT_THAT(log, testing::IsSupersetOf(std::vector<std::string>{
                         "command line " + guest + " one two", "A=1", "B=x y"}));
}

TEST_F(MultibootProgram, MemoryAndCpusAreOptions) {
    const ProcessResult result =
        nestbed({"run", multiboot_guest("memory_map"), multiboot_guest("processors"), "--memory",
                 "200M", "--cpus", "2", "--output", path("out.json")});
    EXPECT_EQ(result.exit_code, success) << result.out << result.err;
    const std::string all = contents(path("out.json"));
    EXPECT_THAT(all, HasSubstr("0000000000100000 000000000c700000 00000001"));
    EXPECT_THAT(all, HasSubstr("processor 00000001 line 00000001"));
}

TEST_F(MultibootProgram, AFailureIsShownWithItsChecks) {
    const ProcessResult result =
        nestbed({"run", multiboot_guest("results"), "--output", path("out.json")});
    EXPECT_EQ(result.exit_code, test_failed) << result.err;
    EXPECT_THAT(result.out, HasSubstr("3 of 8 checks failed: fifth"));
    const json all = report();
    const json& found = all["tests"][0]["multiboot"];
    EXPECT_EQ(found["exit_value"], 1);
    EXPECT_EQ(found["counts"]["FAIL"], 2);
    EXPECT_EQ(found["counts"]["XPASS"], 1);
    EXPECT_EQ(found["checks"].size(), 8U);
    EXPECT_EQ(found["checks"][3], json({{"kind", "XFAIL"}, {"text", "fourth"}}));
}

TEST_F(MultibootProgram, ASkipOfAllIsNoSuccess) {
    EXPECT_EQ(nestbed({"run", multiboot_guest("exit"), "--append", "d38"}).exit_code, test_failed);
    EXPECT_EQ(nestbed({"run", multiboot_guest("exit"), "--append", "d0"}).exit_code, success);
}

TEST_F(MultibootProgram, Usage) {
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"run", "boot", "--append", "x"},
          {"run", "boot", "--env", "A=1"},
          {"run", multiboot_guest("exit"), "--env", "A"},
          {"run", multiboot_guest("exit"), "--env", "=1"},
          {"run", multiboot_guest("exit"), "--env", "A=1\nB=2"},
          {"kut"},
          {"kut", "/no/such/folder"}}) {
        SCOPED_TRACE(testing::PrintToString(arguments));
        expect_one_line_error(nestbed(arguments), bad_input);
    }
    EXPECT_THAT(nestbed({"run", "boot", "--append", "x"}).err,
                HasSubstr("--append and --env are for multiboot guests, and none is named"));
}

// nestbed kut.

/// A checkout with a list of its own, whose tests are guests of ours.
class Kut : public MultibootProgram {
  public:
    void SetUp() override {
        MultibootProgram::SetUp();
        if (IsSkipped()) {
            return;
        }
        fs::create_directories(path("kut/x86"));
        std::ofstream(path("kut/config.mak")) << "ARCH=x86_64\nCONFIG_EFI=n\n";
        std::ofstream(path("kut/errata.txt")) << "# commit : version\n012345678901 : 2.6\n";
        for (const auto& [name, guest] : {std::pair{"exit", "exit"},
                                          {"results", "results"},
                                          {"death", "death"},
                                          {"cpus", "processors"},
                                          {"told", "information"},
                                          {"map", "memory_map"}}) {
            fs::copy_file(multiboot_guest(guest), path("kut/x86/") + name + ".flat");
        }
        list(R"([passes]
file = exit.flat
test_args = d0
groups = quick first

[fails]
file = results.flat

[skips]
file = results.flat
test_args = s
groups = quick

[two]
file = cpus.flat
smp = 2

[told]
file = told.flat
test_args = 'one two'
qemu_params = -m 32

[large]
file = map.flat
qemu_params = -m 5g

[dies]
file = death.flat
test_args = p

[hangs]
file = death.flat
test_args = h
timeout = 3

[by_hand]
file = exit.flat
test_args = d0
groups = nodefault by_hand

[narrow]
file = exit.flat
arch = i386

[unequal]
file = exit.flat
check = /no/such/parameter=Y

[not_built]
file = nothing.flat

[network]
file = exit.flat
qemu_params = -device e1000

[migrates]
file = exit.flat
groups = migration
)");
    }

  protected:
    std::string folder() const { return path("kut"); }

    void list(const std::string& text) const {
        std::ofstream(path("kut/x86/unittests.cfg")) << text;
    }

    ProcessResult kut(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), {"kut", folder()});
        arguments.insert(arguments.end(), {"--output", path("out.json")});
        return nestbed(arguments);
    }

    /// Verdict and reason of each test.
    std::map<std::string, std::pair<std::string, std::string>> results() const {
        std::map<std::string, std::pair<std::string, std::string>> all;
        const json report_of_all = report();
        for (const json& test : report_of_all["tests"]) {
            EXPECT_EQ(test["suite"], "kut");
            all[test["name"]] = {test["verdict"], test["reason"]};
        }
        return all;
    }

    std::vector<std::string> names() const {
        std::vector<std::string> all;
        const json report_of_all = report();
        for (const json& test : report_of_all["tests"]) {
            all.push_back(test["name"]);
        }
        return all;
    }
};

TEST_F(Kut, MultibootVerdicts) {
    const ProcessResult result = kut({"--output", path("out.xml")});
    EXPECT_EQ(result.exit_code, test_failed) << result.out << result.err;
    const auto all = results();
    const auto expect = [&](const char* name, const char* verdict, const std::string& reason) {
        SCOPED_TRACE(name);
        ASSERT_EQ(all.count(name), 1U);
        EXPECT_EQ(all.at(name).first, verdict);
        EXPECT_THAT(all.at(name).second, StartsWith(reason));
    };
    EXPECT_EQ(all.size(), 14U);
    expect("passes", "passed", "");
    expect("fails", "failed", "3 of 8 checks failed: fifth");
    expect("skips", "skipped", "the guest skipped it: third (no such hardware)");
    expect("two", "passed", "");
    expect("told", "passed", "");
    expect("large", "passed", "");
    expect("dies", "failed", "a 2-byte write to port 0x604: there is no sleep of type 5 here");
    expect("hangs", "failed", "");
    EXPECT_THAT(all.at("hangs").second, HasSubstr("halted, interrupts off"));
    expect("by_hand", "skipped", "test marked as manual run only");
    expect("narrow", "skipped", "i386 only");
    expect("unequal", "skipped", "/no/such/parameter not equal to Y");
    expect("not_built", "skipped", "Test file '" + folder() + "/x86/nothing.flat' not found");
    expect("network", "skipped", "this machine has no device e1000");
    expect("migrates", "skipped", "a test of the group migration needs QEMU");
    const std::string text = contents(path("out.json"));
    EXPECT_THAT(
        text, AllOf(HasSubstr("x86/told.flat one two\""), HasSubstr("\"KERNEL_VERSION="),
                    HasSubstr("\"ERRATA_012345678901=y\""), HasSubstr("\"memory above 00007c00\""),
                    HasSubstr("\"0000000100000000 0000000080000000 00000001\"")));
}

/// How often `part` is in `text`.
std::size_t count(const std::string& text, const std::string& part) {
    std::size_t number = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
        ++number;
    }
    return number;
}

TEST_F(Kut, MultibootJunit) {
    EXPECT_EQ(
        kut({"--output", path("out.xml"), "--filter", "kut.fails:kut.skips:kut.passes"}).exit_code,
        test_failed);
    const std::string text = contents(path("out.xml"));
    // The tests, and of those with lines of results a suite each.
    EXPECT_EQ(count(text, "<testsuite name="), 3U) << text;
    EXPECT_EQ(count(text, "<testsuite name=\"kut\""), 1U) << text;
    EXPECT_THAT(text, HasSubstr("tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\""));
    EXPECT_THAT(text, HasSubstr("tests=\"8\" failures=\"3\" errors=\"0\" skipped=\"3\""));
    EXPECT_THAT(text, HasSubstr("tests=\"4\" failures=\"0\" errors=\"0\" skipped=\"2\""));
    EXPECT_EQ(count(text, "<testcase "), 15U) << text;
    EXPECT_EQ(count(text, "<failure "), 4U) << text;
    EXPECT_EQ(count(text, "<skipped "), 6U) << text;
    EXPECT_EQ(count(text, "name=\"second: with a colon\""), 2U) << text;
}

TEST_F(Kut, MultibootGroupsAndFilters) {
    EXPECT_EQ(kut({"--group", "quick"}).exit_code, success);
    EXPECT_THAT(names(), testing::UnorderedElementsAre("passes", "skips"));
    EXPECT_EQ(kut({"--group", "by_hand"}).exit_code, success);
    EXPECT_THAT(names(), ElementsAre("by_hand"));
    EXPECT_EQ(results()["by_hand"].first, "passed") << "a group names it";
    EXPECT_EQ(kut({"--all", "--filter", "kut.by_hand"}).exit_code, success);
    EXPECT_EQ(results()["by_hand"].first, "passed");
    EXPECT_EQ(kut({"--filter", "kut.t*:-kut.two"}).exit_code, success);
    EXPECT_THAT(names(), ElementsAre("told"));
    EXPECT_EQ(kut({"--filter", "kut.skips"}).exit_code, test_failed) << "nothing was shown to work";
    EXPECT_EQ(kut({"--filter", "kut.dies"}).exit_code, test_failed);
    EXPECT_EQ(nestbed({"kut", folder(), "--filter", "kut.nosuch"}).exit_code, bad_input);
}

TEST_F(Kut, MultibootWhatIsNoCheckout) {
    fs::create_directory(path("empty"));
    expect_one_line_error(nestbed({"kut", path("empty")}), bad_input);
    list("[one]\nsmp = 1\n");
    const ProcessResult no_file = nestbed({"kut", folder()});
    expect_one_line_error(no_file, bad_input);
    EXPECT_THAT(no_file.err, HasSubstr("unittests.cfg:1: [one] names no file"));
    list("[one]\nfile = exit.flat\n");
    std::ofstream(path("kut/x86/exit.flat")) << "no guest";
    const ProcessResult no_guest = nestbed({"kut", folder()});
    expect_one_line_error(no_guest, bad_input);
    EXPECT_THAT(no_guest.err, HasSubstr("x86/exit.flat: it has no multiboot header"));
    std::ofstream(path("kut/config.mak")) << "ARCH=arm64\n";
    expect_one_line_error(nestbed({"kut", folder()}), bad_input);
}

// nestbed-qemu.

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
