#include "vmm/kut/checkout.hpp"

#include <gmock/gmock.h>

#include "tests/unit/base/temporary_folder.hpp"
#include "tests/unit/nested/failure.hpp"
#include "vmm/kut/qemu_options.hpp"

namespace nestbed::vmm {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A folder with x86/guest.flat and a list.
class SmallCheckout {
  public:
    explicit SmallCheckout(const std::string& list) {
        folder.write("x86/unittests.cfg", list);
        folder.write("x86/guest.flat", "a guest");
        folder.write("config.mak", "ARCH=x86_64\n");
    }

    std::vector<KutTest> tests(const KutOptions& options = {}) const {
        return tests_of_checkout(folder.path(), options);
    }
    std::string failure() const {
        return test::failure_of([&] { tests(); }, ErrorKind::input);
    }

    test::TemporaryFolder folder;
};

/// The test of a list of one, with these lines.
KutTest test_with(const std::string& lines, const KutOptions& options = {}) {
    return SmallCheckout("[a]\nfile = guest.flat\n" + lines).tests(options).at(0);
}

TEST(KutCheckout, ATestHasItsMachine) {
    const SmallCheckout checkout(
        "[one]\nfile = guest.flat\n\n"
        "[two]\nfile = guest.flat\nsmp = 3\ntest_args = 'b c'\ngroups = g h\ntimeout = 5\n"
        "qemu_params = -m 64 -cpu max,+vmx\n");
    const std::vector<KutTest> tests = checkout.tests();
    ASSERT_EQ(tests.size(), 2U);
    EXPECT_EQ(tests[0].name, "one");
    EXPECT_EQ(tests[0].skip_reason, "");
    EXPECT_EQ(tests[0].file, checkout.folder.path() / "x86/guest.flat");
    EXPECT_EQ(tests[0].timeout, 90s);
    EXPECT_EQ(tests[0].pc.cpu.name, "qemu64");
    EXPECT_FALSE(tests[0].pc.pit_reinjects);
    EXPECT_EQ(tests[0].pc.command_line, "");
    EXPECT_THAT(tests[1].groups, ElementsAre("g", "h"));
    EXPECT_EQ(tests[1].pc.cpus, 3U);
    EXPECT_EQ(tests[1].pc.memory, 64U << 20);
    EXPECT_EQ(tests[1].pc.command_line, "b c");
    EXPECT_EQ(tests[1].timeout, 5s);
    EXPECT_THAT(tests[1].warnings, IsEmpty());
}

TEST(KutCheckout, TheShellsWordsAreMade) {
    const KutOptions options{.max_smp = 7};
    const KutTest test = test_with("smp = $MAX_SMP\ntest_args = \"1 `date +%s`\"\n", options);
    EXPECT_EQ(test.pc.cpus, 7U);
    EXPECT_EQ(test.pc.command_line, std::string("1 ") + start_time_mark);
}

TEST(KutCheckout, TheEnvironmentIsTheHosts) {
    const SmallCheckout checkout("[a]\nfile = guest.flat\n");
    checkout.folder.write("errata.txt", "abc : 5.6 : a fix\ndef : 9.9 : another\n");
    EXPECT_EQ(checkout.tests({.kernel_release = "6.8.1"}).at(0).pc.environment,
              "TARGET=\nKERNEL_VERSION_STRING=6.8.1\nKERNEL_VERSION=6\nKERNEL_PATCHLEVEL=8\n"
              "KERNEL_SUBLEVEL=1\nKERNEL_EXTRAVERSION=\nERRATA_abc=y\nERRATA_def=n\n");
    EXPECT_THAT(checkout.tests({.all = true}).at(0).pc.environment, HasSubstr("ERRATA_FORCE=y\n"));
}

TEST(KutCheckout, TimeoutsHaveUnits) {
    EXPECT_EQ(test_with("timeout = 180\n").timeout, 180s);
    EXPECT_EQ(test_with("timeout = 30s\n").timeout, 30s);
    EXPECT_EQ(test_with("timeout = 2m\n").timeout, 2min);
    EXPECT_EQ(test_with("timeout = 1h\n").timeout, 1h);
    EXPECT_EQ(test_with("timeout = 0\n").timeout, 0s);
    for (const char* bad : {"s", "x", "-1", "2w", "25h", "18446744073709551615m"}) {
        EXPECT_THAT(test_with(fmt::format("timeout = {}\n", bad)).skip_reason, HasSubstr("timeout"))
            << bad;
    }
}

TEST(KutCheckout, SomeTestsAreForAPersonToStart) {
    const std::string lines = "groups = slow nodefault\n";
    EXPECT_EQ(test_with(lines).skip_reason, "test marked as manual run only");
    EXPECT_EQ(test_with(lines, {.group = "slow"}).skip_reason, "");
    EXPECT_EQ(test_with(lines, {.group = "nodefault"}).skip_reason, "");
    EXPECT_EQ(test_with(lines, {.all = true}).skip_reason, "");
}

TEST(KutCheckout, AGroupLeavesOtherTestsOut) {
    const SmallCheckout checkout(
        "[a]\nfile = guest.flat\ngroups = g\n[b]\nfile = guest.flat\ngroups = gg\n"
        "[c]\nfile = guest.flat\n");
    const auto tests = checkout.tests({.group = "g"});
    ASSERT_EQ(tests.size(), 1U);
    EXPECT_EQ(tests[0].name, "a");
}

TEST(KutCheckout, TestsThatCannotBeHereAreSkipped) {
    EXPECT_EQ(test_with("arch = i386\n").skip_reason, "i386 only");
    EXPECT_EQ(test_with("arch = x86_64\n").skip_reason, "");
    EXPECT_EQ(test_with("accel = tcg\n").skip_reason, "tcg only, but ACCEL=kvm");
    EXPECT_EQ(test_with("accel = kvm\n").skip_reason, "");
    EXPECT_THAT(test_with("disabled_if = false\n").skip_reason, HasSubstr("disabled if: false"));
    EXPECT_EQ(test_with("groups = migration\n").skip_reason,
              "a test of the group migration needs QEMU");
    EXPECT_EQ(test_with("groups = x panic\n").skip_reason, "a test of the group panic needs QEMU");
}

TEST(KutCheckout, ATestWithoutItsFileIsSkipped) {
    const SmallCheckout checkout("[a]\nfile = none.flat\n");
    EXPECT_EQ(
        checkout.tests().at(0).skip_reason,
        fmt::format("Test file '{}/x86/none.flat' not found", checkout.folder.path().string()));
}

TEST(KutCheckout, TheHostIsChecked) {
    const test::TemporaryFolder host;
    const std::string yes = host.write("yes", "Y\n");
    const std::string empty = host.write("empty", "");
    EXPECT_EQ(test_with(fmt::format("check = {}=Y\n", yes)).skip_reason, "");
    EXPECT_EQ(test_with(fmt::format("check = {}=Y  {}=\n", yes, empty)).skip_reason, "");
    EXPECT_EQ(test_with(fmt::format("check = {0}=Y {0}=N\n", yes)).skip_reason,
              yes + " not equal to N");
    EXPECT_EQ(test_with("check = /none/such=\n").skip_reason, "/none/such not equal to ");
}

TEST(KutCheckout, ARefusedOptionIsTheReasonOfASkip) {
    EXPECT_EQ(test_with("qemu_params = -device edu\n").skip_reason,
              "this machine has no device edu");
    EXPECT_THAT(test_with("test_args = `id`\n").skip_reason, HasSubstr("the only command"));
    EXPECT_THAT(test_with("smp = 65\n").skip_reason, HasSubstr("SMP CPUs"));
    EXPECT_EQ(test_with("test_args = a b\n").skip_reason, "this machine has no disk for b");
}

TEST(KutCheckout, TheFirstReasonIsKept) {
    EXPECT_EQ(test_with("arch = i386\nqemu_params = -device edu\n").skip_reason, "i386 only");
    EXPECT_EQ(test_with("arch = i386\ngroups = nodefault\n").skip_reason,
              "test marked as manual run only");
}

TEST(KutCheckout, AReasonIsOneLineThatCanBePrinted) {
    EXPECT_EQ(test_with("arch = \x1b[2J\n").skip_reason, "\\x1b[2J only");
    EXPECT_EQ(test_with("qemu_params = '-\x1b'\n").skip_reason,
              "this machine has no option -\\x1b");
    EXPECT_LT(test_with("arch = " + std::string(100'000, 'x') + "\n").skip_reason.size(), 500U);
}

TEST(KutCheckout, OptionsCanWarn) {
    EXPECT_THAT(test_with("qemu_params = -smp 2,cores=2\n").warnings,
                ElementsAre(HasSubstr("warning")));
}

TEST(KutCheckout, AnotherFolderIsRefused) {
    const test::TemporaryFolder folder;
    const std::string text =
        test::failure_of([&] { tests_of_checkout(folder.path(), {}); }, ErrorKind::input);
    EXPECT_THAT(text, HasSubstr("x86/unittests.cfg"));
    EXPECT_THAT(text, HasSubstr("./configure"));
}

TEST(KutCheckout, AnotherArchitectureIsRefused) {
    const SmallCheckout checkout("[a]\nfile = guest.flat\narch = i386\n");
    checkout.folder.write("config.mak", "ARCH=arm64\n");
    EXPECT_THAT(checkout.failure(), HasSubstr("arm64"));
    checkout.folder.write("config.mak", "ARCH=x86_64\nCONFIG_EFI=y\n");
    EXPECT_THAT(checkout.failure(), HasSubstr("UEFI"));
    checkout.folder.write("config.mak", "ARCH=i386\n");
    EXPECT_EQ(checkout.tests().at(0).skip_reason, "");
}

TEST(KutCheckout, WithoutAConfigurationItIsOfThisArchitecture) {
    const SmallCheckout checkout("[a]\nfile = guest.flat\narch = x86_64\n");
    std::filesystem::remove(checkout.folder.path() / "config.mak");
    EXPECT_EQ(checkout.tests().at(0).skip_reason, "");
}

TEST(KutCheckout, AnUnusableListIsNamed) {
    EXPECT_THAT(SmallCheckout("[a]\n").failure(), HasSubstr("x86/unittests.cfg:1: [a] names"));
}

TEST(KutOptions, AreThoseOfTheHost) {
    const KutOptions options = kut_options_of_host();
    EXPECT_GE(options.max_smp, 1U);
    EXPECT_LE(options.max_smp, most_pc_cpus);
    EXPECT_NE(options.kernel_release, "");
}

TEST(KutCheckout, AGuestsTestHasTheListsTimeAndGroups) {
    KutTest test{.name = "one", .groups = {"quick"}, .timeout = 1500ms};
    test.pc.cpus = 3;
    test.skip_reason = "not today";
    const GuestTest guest_test = guest_test_of(test);
    EXPECT_EQ(guest_test.full_name(), "kut.one");
    EXPECT_EQ(guest_test.needs.cpus, 3U);
    EXPECT_EQ(guest_test.needs.timeout, 2U);
    EXPECT_THAT(guest_test.tags, testing::ElementsAre("quick"));
    EXPECT_EQ(guest_test.skip_reason, "not today");
    test.timeout = 0ms;
    EXPECT_EQ(guest_test_of(test).needs.timeout, channel::max_test_timeout)
        << "no limit, and not the default one";
}

}  // namespace
}  // namespace nestbed::vmm
