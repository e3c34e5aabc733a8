#include "vmm/kut/unittests_cfg.hpp"

#include <gmock/gmock.h>

#include "tests/unit/nested/failure.hpp"

namespace nestbed::vmm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<UnittestsEntry> entries_in(std::string_view text) {
    return parse_unittests_cfg(text, "list.cfg");
}

/// Of a list with one entry that has these lines.
UnittestsEntry entry_with(const std::string& lines) {
    const auto entries = entries_in("[one]\nfile = one.flat\n" + lines);
    EXPECT_EQ(entries.size(), 1U);
    return entries.front();
}

std::string list_refusal(std::string_view text) {
    return test::failure_of([&] { entries_in(text); }, ErrorKind::input);
}

TEST(UnittestsCfg, AnEntryHasAllThatItsLinesSay) {
    const UnittestsEntry entry = entry_with(
        "smp = $MAX_SMP\ntest_args = \"a b\"\nqemu_params = -m 1g\ngroups = x  y\narch = i386\n"
        "machine = q35\ncheck = /a=b /c=d\naccel = tcg\ntimeout = 2m\ndisabled_if = [[ a ]]\n");
    EXPECT_EQ(entry.name, "one");
    EXPECT_EQ(entry.line, 1U);
    EXPECT_EQ(entry.file, "one.flat");
    EXPECT_EQ(entry.smp, "$MAX_SMP");
    EXPECT_EQ(entry.test_args, "\"a b\"");
    EXPECT_EQ(entry.qemu_params, "-m 1g");
    EXPECT_THAT(entry.groups, ElementsAre("x", "y"));
    EXPECT_EQ(entry.arch, "i386");
    EXPECT_EQ(entry.machine, "q35");
    EXPECT_EQ(entry.check, "/a=b /c=d");
    EXPECT_EQ(entry.accel, "tcg");
    EXPECT_EQ(entry.timeout, "2m");
    EXPECT_EQ(entry.disabled_if, "[[ a ]]");
}

TEST(UnittestsCfg, AnEntryBeginsAnew) {
    const auto entries = entries_in(
        "smp = 9\n\n[one]\nfile = 1\nsmp = 2\ngroups = a\ntest_args = b\n\n[two]\nfile = 2\n");
    ASSERT_EQ(entries.size(), 2U);
    EXPECT_EQ(entries[0].smp, "2");
    EXPECT_EQ(entries[1].line, 9U);
    EXPECT_EQ(entries[1].smp, "1");
    EXPECT_EQ(entries[1].test_args, "");
    EXPECT_TRUE(entries[1].groups.empty());
}

TEST(UnittestsCfg, TheOldSpellingAndTheNewAreOne) {
    EXPECT_EQ(entry_with("extra_params = -m 1\n").qemu_params, "-m 1");
    EXPECT_EQ(entry_with("extra_params = -m 1\nqemu_params = -m 2\n").qemu_params, "-m 2");
    EXPECT_EQ(entry_with("kvmtool_params = --mem 1\n").qemu_params, "");
}

TEST(UnittestsCfg, SpacesAroundTheSignAndTheLineDoNotCount) {
    EXPECT_EQ(entry_with("smp=2\n").smp, "2");
    EXPECT_EQ(entry_with("  smp   =   2 \t\n").smp, "2");
    EXPECT_EQ(entry_with("test_args = a = b\n").test_args, "a = b");
    EXPECT_EQ(entry_with("smp\t= 2\n").smp, "1") << "a tab before the sign is no space to bash";
}

TEST(UnittestsCfg, OtherLinesAreComments) {
    EXPECT_EQ(entry_with("# smp = 2\n#smp = 2\nnote\n= 2\nxsmp = 2\nsmp x = 2\n").smp, "1");
}

TEST(UnittestsCfg, ANameMayHaveBrackets) {
    EXPECT_EQ(entries_in("[a[b]]\nfile = f\n")[0].name, "a[b]");
}

TEST(UnittestsCfg, ABlockHasSeveralLines) {
    EXPECT_EQ(entry_with("qemu_params = \"\"\"-m 1\n  -smp 2\n\"\"\"\nsmp = 3\n").qemu_params,
              "-m 1\n  -smp 2\n");
    EXPECT_EQ(entry_with("extra_params = \"\"\"-m 1\n-x\"\"\"\nsmp = 3\n").smp, "3");
}

TEST(UnittestsCfg, ABackslashJoinsLinesOfABlock) {
    EXPECT_EQ(entry_with("qemu_params = \"\"\"-m \\\n1\n\"\"\"\n").qemu_params, "-m 1\n");
    EXPECT_EQ(entry_with("qemu_params = \"\"\"a\\\\\nb\"\"\"\n").qemu_params, "a\\\\\nb");
    EXPECT_EQ(entry_with("qemu_params = \"\"\"a\\\\\\\nb\"\"\"\n").qemu_params, "a\\\\b");
}

TEST(UnittestsCfg, ABlockDoesNotEndOnItsFirstLine) {
    EXPECT_EQ(entry_with("qemu_params = \"\"\"a\"\"\"\n\"\"\"\n").qemu_params, "a\"\"\"\n");
    EXPECT_THAT(list_refusal("[a]\nfile = f\nqemu_params = \"\"\"a\"\"\"\nsmp = 2\n"),
                HasSubstr("list.cfg:3: the \"\"\" of this line are not closed"));
}

TEST(UnittestsCfg, OnlyOptionsCanBeABlock) {
    EXPECT_EQ(entry_with("test_args = \"\"\"a\n").test_args, "\"\"\"a");
}

TEST(UnittestsCfg, WhatCannotBeUsedIsNamedByItsLine) {
    EXPECT_EQ(list_refusal(""), "list.cfg: there is no test in it, which begins with [NAME]");
    EXPECT_EQ(list_refusal("# nothing\n"),
              "list.cfg: there is no test in it, which begins with [NAME]");
    EXPECT_EQ(list_refusal("\n[a]\nsmp = 1\n[b]\nfile = f\n"),
              "list.cfg:2: [a] names no file: add a line file = NAME");
    EXPECT_EQ(list_refusal("[a]\nfile = f\n[b]\n"),
              "list.cfg:3: [b] names no file: add a line file = NAME");
    EXPECT_EQ(list_refusal("[]\nfile = f\n"),
              "list.cfg:1: a test needs a name between [ and ], of at most 200 bytes");
    EXPECT_THAT(list_refusal("[" + std::string(201, 'a') + "]\nfile = f\n"),
                HasSubstr("list.cfg:1: a test needs a name"));
    EXPECT_EQ(list_refusal("[a]\nfile = f"), "list.cfg:2: the last line has no line end");
}

TEST(UnittestsCfg, ListsWithoutAnEndAreNotRead) {
    EXPECT_THAT(list_refusal(std::string((1 << 20) + 1, '\n')), HasSubstr("more than 1 MiB"));
    std::string many;
    for (int n = 0; n <= 2000; ++n) {
        many += "[a]\nfile = f\n";
    }
    EXPECT_EQ(list_refusal(many), "list.cfg:4001: more than 2000 tests");
}

}  // namespace
}  // namespace nestbed::vmm
