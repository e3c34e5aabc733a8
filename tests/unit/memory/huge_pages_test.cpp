// What is said where huge pages are lacking.

#include "vmm/memory/huge_pages.hpp"

#include <gmock/gmock.h>

#include "tests/unit/memory/byte_units.hpp"

namespace nestbed::vmm {
namespace {

using test::gib;
using test::mib;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;

TEST(HugePageCommand, TheSysctlIsOfTheDefaultSizeOnly) {
    const HugePages small{.kib = 2048, .total = 0, .free = 0, .reserved = 0};
    const HugePages large{.kib = 1 << 20, .total = 0, .free = 0, .reserved = 0};
    EXPECT_EQ(huge_page_command(small, "N", 2048), "sysctl vm.nr_hugepages=N");
    EXPECT_EQ(huge_page_command(large, "2", 2048),
              "echo 2 > /sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages");
    EXPECT_EQ(huge_page_command(large, "2", 1 << 20), "sysctl vm.nr_hugepages=2");
    EXPECT_EQ(huge_page_command(small, "2", 1 << 20),
              "echo 2 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
}

TEST(HugePageLack, CountsReservedPagesAsTaken) {
    const HugePages pool{.kib = 2048, .total = 64, .free = 40, .reserved = 8};
    EXPECT_EQ(huge_page_lack(pool, 2 * mib, 32), std::nullopt);
    const auto lack = huge_page_lack(pool, 2 * mib, 33);
    ASSERT_TRUE(lack);
    // 64, and the one that is missing.
    EXPECT_THAT(*lack, AllOf(HasSubstr("33 pages of 2 MiB"), HasSubstr("32 can be had"),
                             HasSubstr("64 in all, 40 free, 8 of these reserved")));
    EXPECT_THAT(*lack, EndsWith("=65")) << "with 2 MiB as the host's default size";
}

TEST(HugePageLack, OfGibibytes) {
    const auto lack = huge_page_lack(HugePages{1 << 20, 0, 0, 0}, gib, 3);
    ASSERT_TRUE(lack);
    EXPECT_THAT(*lack, AllOf(HasSubstr("3 pages of 1 GiB"), HasSubstr("0 can be had")));
}

TEST(HugePageLack, CountersThatContradictEachOtherPromiseNothing) {
    EXPECT_TRUE(huge_page_lack(HugePages{2048, 8, 2, 5}, 2 * mib, 1));
}

TEST(HugePageLack, OfASizeThatIsUnknownHere) {
    const auto lack = huge_page_lack(std::nullopt, gib, 1);
    ASSERT_TRUE(lack);
    EXPECT_THAT(*lack, AllOf(HasSubstr("no pages of 1 GiB"), HasSubstr("processor or kernel")));
}

TEST(HugePageLack, CountersThatAreNotKnownPromiseNothing) {
    EXPECT_THAT(huge_page_lack(HugePages{2048, 8, std::nullopt, 0}, 2 * mib, 1).value_or(""),
                AllOf(HasSubstr("not known"), HasSubstr("/sys/kernel/mm/hugepages")));
}

TEST(TransparentHugePageLack, OfAChoiceThatIsNotKnownIsNotClaimed) {
    EXPECT_THAT(transparent_huge_page_lack(std::nullopt, "").value_or(""),
                AllOf(HasSubstr("is not known"), HasSubstr("mount")));
    EXPECT_EQ(transparent_huge_page_lack(std::nullopt, "madvise"), std::nullopt);
}

TEST(TransparentHugePageLack, IsOfTheChoiceThatCounts) {
    EXPECT_EQ(transparent_huge_page_lack("madvise", ""), std::nullopt);
    EXPECT_EQ(transparent_huge_page_lack("always", "inherit"), std::nullopt);
    EXPECT_EQ(transparent_huge_page_lack("never", "madvise"), std::nullopt);
    EXPECT_THAT(transparent_huge_page_lack("never", "").value_or(""),
                EndsWith("echo madvise > /sys/kernel/mm/transparent_hugepage/enabled"));
    EXPECT_THAT(transparent_huge_page_lack("never", "inherit").value_or(""),
                EndsWith("transparent_hugepage/enabled"));
    EXPECT_THAT(transparent_huge_page_lack("always", "never").value_or(""),
                EndsWith("hugepages-2048kB/enabled"));
    EXPECT_THAT(transparent_huge_page_lack("", "").value_or(""), HasSubstr("this kernel has no"));
}

}  // namespace
}  // namespace nestbed::vmm
