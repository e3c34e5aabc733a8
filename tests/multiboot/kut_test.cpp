// nestbed kut, on a checkout with a list of its own, whose tests are guests of ours.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/multiboot/multiboot_program.hpp"
#include "tests/program/expectations.hpp"

namespace nestbed::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

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

[no_processor]
file = exit.flat
qemu_params = -cpu no-such-model

[lacks]
file = exit.flat
test_args = d0
qemu_params = -cpu max,+vmx,+svm

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
    EXPECT_EQ(all.size(), 16U);
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
    expect("no_processor", "skipped", "there is no CPU model no-such-model here");
    expect("lacks", "passed", "");
    expect("migrates", "skipped", "a test of the group migration needs QEMU");
    const std::string text = contents(path("out.json"));
    // No processor has both VMX and SVM.
    EXPECT_THAT(text, HasSubstr("\"warning: host doesn't support requested feature: CPUID."));
    const json report_of_all = report();
    const std::vector<std::string> guests = report_of_all["guests"];
    EXPECT_EQ(std::ranges::count(guests, folder() + "/x86/exit.flat"), 1)
        << "several tests are of it";
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
    const ProcessResult no_group = nestbed({"kut", folder(), "--group", "quikc"});
    expect_one_line_error(no_group, bad_input);
    EXPECT_THAT(no_group.err, HasSubstr("did you mean quick?"));
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

}  // namespace
}  // namespace nestbed::test
