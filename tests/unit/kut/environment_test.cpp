#include "vmm/kut/environment.hpp"

#include <gmock/gmock.h>

#include "tests/unit/nested/failure.hpp"

namespace nestbed::vmm {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string environment_on(const std::string& release, std::string_view errata = "") {
    return kut_environment({.kernel_release = release}, errata, "errata.txt");
}

/// Whether a kernel has the fix of an erratum that came with another: 'y' or 'n'.
char has_fix_of(const std::string& release, const std::string& fixed_in) {
    const std::string text = environment_on(release, "abc : " + fixed_in + " : what\n");
    return text.at(text.find("ERRATA_abc=") + 11);
}

TEST(KutEnvironment, HasTheVersionOfTheKernel) {
    EXPECT_EQ(environment_on("6.8.12-101-generic"),
              "TARGET=\nKERNEL_VERSION_STRING=6.8.12-101-generic\nKERNEL_VERSION=6\n"
              "KERNEL_PATCHLEVEL=8\nKERNEL_SUBLEVEL=12\nKERNEL_EXTRAVERSION=101\n");
}

TEST(KutEnvironment, WhatIsNoNumberIsEmpty) {
    EXPECT_THAT(environment_on("6.8.3+"), HasSubstr("SUBLEVEL=3\nKERNEL_EXTRAVERSION=\n"));
    EXPECT_THAT(environment_on("6.8.0-rc1"), HasSubstr("SUBLEVEL=0\nKERNEL_EXTRAVERSION=\n"));
    EXPECT_THAT(environment_on("6.8"), HasSubstr("PATCHLEVEL=8\nKERNEL_SUBLEVEL=\n"));
    EXPECT_THAT(environment_on(""), HasSubstr("KERNEL_VERSION=\nKERNEL_PATCHLEVEL=\n"));
}

TEST(KutEnvironment, HasTheTargetOfTheCheckout) {
    EXPECT_THAT(kut_environment({.kernel_release = "6.8", .target = "qemu"}, "", ""),
                HasSubstr("TARGET=qemu\n"));
}

TEST(KutEnvironment, KnowsWhichFixesAKernelHas) {
    EXPECT_EQ(has_fix_of("6.8.0", "6.8"), 'y');
    EXPECT_EQ(has_fix_of("6.8.0", "6.9"), 'n');
    EXPECT_EQ(has_fix_of("6.10.0", "6.9"), 'y');
    EXPECT_EQ(has_fix_of("6.10.0", "7.1"), 'n');
    EXPECT_EQ(has_fix_of("7.1.0", "6.10"), 'y');
    EXPECT_EQ(has_fix_of("6.8.4", "6.8.5"), 'n');
    EXPECT_EQ(has_fix_of("6.8.5", "6.8.5"), 'y');
    EXPECT_EQ(has_fix_of("6.8.10", "6.8.9"), 'y');
    EXPECT_EQ(has_fix_of("6.8.5-3", "6.8.5-4"), 'n');
    EXPECT_EQ(has_fix_of("6.8.5-4", "6.8.5-4"), 'y');
    EXPECT_EQ(has_fix_of("6.8.6-1", "6.8.5-4"), 'y');
    EXPECT_EQ(has_fix_of("strange", "6.8"), 'n');
}

TEST(KutEnvironment, CommentsAndBlankLinesAreNoErrata) {
    const std::string text = environment_on("6.8", "#-- : 4.9\n\n  \nabc:4.9\ndef : 9.1: x : y\n");
    EXPECT_THAT(text, HasSubstr("ERRATA_abc=y\nERRATA_def=n\n"));
    EXPECT_THAT(text, Not(HasSubstr("ERRATA_#")));
}

TEST(KutEnvironment, AllErrataCanBeForced) {
    EXPECT_THAT(environment_on("6.8"), Not(HasSubstr("FORCE")));
    EXPECT_THAT(kut_environment({.kernel_release = "6.8", .all_errata = true}, "", ""),
                HasSubstr("ERRATA_FORCE=y\n"));
}

TEST(KutEnvironment, WhatIsNoErratumIsNamedByItsLine) {
    for (const char* line : {"abc", "abc : x.y", "abc : 4", "a=b : 4.9", "abc : 4.9x"}) {
        EXPECT_THAT(test::failure_of([&] { environment_on("6.8", fmt::format("#\n{}\n", line)); },
                                     ErrorKind::input),
                    HasSubstr("errata.txt:2: not a commit and the kernel that has it"))
            << line;
    }
}

TEST(KutEnvironment, HasALimit) {
    std::string many;
    for (int n = 0; n < 10'000; ++n) {
        many += "abc : 4.9\n";
    }
    EXPECT_EQ(test::failure_of([&] { environment_on("6.8", many); }, ErrorKind::input),
              "errata.txt: more errata than 16 KiB of text can name");
}

}  // namespace
}  // namespace nestbed::vmm
