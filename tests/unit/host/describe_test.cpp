#include "vmm/host/describe.hpp"

#include <gmock/gmock.h>

#include "tests/unit/base/temporary_folder.hpp"

namespace nestbed::vmm {
namespace {

using test::TemporaryFolder;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;
using testing::Pair;

HostDescription host_in(const TemporaryFolder& root) { return describe_host(nullptr, root.path()); }

TEST(HostDescription, IsWhatTheHostTells) {
    const TemporaryFolder root;
    root.write("proc/cpuinfo",
               "model\t\t: 1\nmodel name\t: A CPU\nflags\t\t: fpu lm constant_tsc nonstop_tsc\n");
    root.write("sys/module/kvm/parameters/tdp_mmu", "Y\n");
    root.write("sys/module/kvm/parameters/of_no_interest", "Y\n");
    root.write("sys/module/kvm_intel/parameters/ept", "Y\n");
    root.write("sys/module/another/parameters/nested", "Y\n");
    root.write("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n");
    const HostDescription host = host_in(root);
    EXPECT_EQ(host.cpu, "A CPU");
    EXPECT_EQ(host.kvm_module, "kvm_intel");
    EXPECT_EQ(host.paging, "ept");
    EXPECT_THAT(host.parameters, ElementsAre(Pair("kvm.tdp_mmu", "Y"), Pair("kvm_intel.ept", "Y")));
    EXPECT_EQ(host.tsc.constant, true);
    EXPECT_EQ(host.tsc.nonstop, true);
    EXPECT_EQ(host.tsc.known_frequency, false);
    EXPECT_EQ(host.tsc.clocksource, "tsc");
}

TEST(HostDescription, WithoutProcAndSysOnlySystemCallsAndCpuidTell) {
    const HostDescription host = host_in(TemporaryFolder());
    EXPECT_EQ(host.cpu, std::nullopt);
    EXPECT_EQ(host.kvm_module, std::nullopt);
    EXPECT_THAT(host.parameters, IsEmpty());
    EXPECT_EQ(host.paging, std::nullopt);
    EXPECT_EQ(host.huge_pages, std::nullopt);
    EXPECT_EQ(host.transparent_huge_pages, std::nullopt);
    EXPECT_EQ(host.tsc.constant, std::nullopt);
    EXPECT_EQ(host.tsc.nonstop, std::nullopt);
    EXPECT_EQ(host.tsc.known_frequency, std::nullopt);
    EXPECT_EQ(host.tsc.clocksource, std::nullopt);
    EXPECT_FALSE(host.kvm);
    EXPECT_TRUE(host.kernel);
    EXPECT_THAT(host.cores, Optional(testing::Gt(0U)));
    EXPECT_THAT(host.memory, Optional(testing::AllOf(testing::Gt(std::uint64_t{1} << 20),
                                                     testing::Lt(std::uint64_t{1} << 52))));
}

TEST(HostDescription, NonsenseIsNotBelieved) {
    for (const char* nonsense : {"", "\n", "abc\n", "99999999999999999999\n"}) {
        const TemporaryFolder root;
        root.write("proc/cpuinfo", nonsense);
        root.write("sys/module/kvm_amd/parameters/npt", nonsense);
        root.write("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", nonsense);
        root.write("sys/kernel/mm/transparent_hugepage/enabled", nonsense);
        const HostDescription host = host_in(root);
        EXPECT_EQ(host.cpu, std::nullopt) << nonsense;
        EXPECT_EQ(host.tsc.constant, std::nullopt) << nonsense;
        EXPECT_EQ(host.kvm_module, "kvm_amd") << nonsense;
        EXPECT_EQ(host.paging, std::nullopt) << nonsense;
        EXPECT_THAT(
            host.huge_pages,
            Optional(ElementsAre(HugePages{2048, std::nullopt, std::nullopt, std::nullopt})))
            << nonsense;
        EXPECT_EQ(host.transparent_huge_pages, std::nullopt) << nonsense;
    }
}

TEST(HostDescription, FlagsThatAreNoneTellNothing) {
    const TemporaryFolder root;
    for (const char* flags : {"flags\t\t: abc\n", "flags\t\t:\n", "flags\n", "model name\t: A\n"}) {
        root.write("proc/cpuinfo", flags);
        EXPECT_EQ(host_in(root).tsc.constant, std::nullopt) << flags;
    }
    root.write("proc/cpuinfo",
               "vmx flags\t: lm constant_tsc\nflagship\t: lm constant_tsc\nflags\t\t: fpu lm\n");
    EXPECT_EQ(host_in(root).tsc.constant, false);
}

TEST(HostDescription, AModuleThatIsNotThereIsKnownNotToBe) {
    const TemporaryFolder root;
    root.write("sys/module/printk/parameters/time", "Y\n");
    EXPECT_EQ(host_in(root).kvm_module, "");
    EXPECT_EQ(host_in(root).paging, std::nullopt);
}

TEST(HostDescription, PagingIsWhatTheModulesParameterSays) {
    const TemporaryFolder root;
    root.write("sys/module/kvm_amd/parameters/npt", "0\n");
    EXPECT_EQ(host_in(root).paging, "shadow");
    root.write("sys/module/kvm_amd/parameters/npt", "1\n");
    EXPECT_EQ(host_in(root).paging, "npt");
}

TEST(HostDescription, HugePagesThatThisKernelHasNotAreNone) {
    const TemporaryFolder root;
    root.write("sys/kernel/mm/swap/vma_ra_enabled", "true\n");
    EXPECT_THAT(host_in(root).huge_pages, Optional(IsEmpty()));
    EXPECT_EQ(host_in(root).transparent_huge_pages, "");
}

TEST(HostDescription, HugePagesAreCounted) {
    const TemporaryFolder root;
    const std::string pool = "sys/kernel/mm/hugepages/hugepages-2048kB/";
    root.write(pool + "nr_hugepages", "64\n");
    root.write(pool + "free_hugepages", "40\n");
    root.write(pool + "resv_hugepages", "8\n");
    root.write("sys/kernel/mm/hugepages/hugepages-abc/nr_hugepages", "1\n");
    root.write("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
    EXPECT_THAT(host_in(root).huge_pages, Optional(ElementsAre(HugePages{2048, 64, 40, 8})));
    EXPECT_EQ(host_in(root).transparent_huge_pages, "madvise");
}

}  // namespace
}  // namespace nestbed::vmm
