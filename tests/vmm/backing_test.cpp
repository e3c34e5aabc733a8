// Each kind of host memory behind a real VM's: guests run on it, and what is read back is of the
// kind that was asked for.
//
// Huge pages are taken from what this host has in its pools; nothing is reserved for these tests.

#include "vmm/memory/backing.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "tests/unit/memory/byte_units.hpp"
#include "tests/vmm/kvm_test.hpp"
#include "vmm/memory/huge_pages.hpp"
#include "vmm/memory/memory_report.hpp"
#include "vmm/platform/machine.hpp"
#include "vmm/run/test_runner.hpp"

namespace nestbed::vmm {
namespace {

using test::GuestAndTest;
using test::kib;
using test::mib;
using testing::HasSubstr;

constexpr std::uint64_t guest_memory = 16 * mib;

bool is_hugetlb(Backing backing) { return page_bytes(backing) > 4 * kib; }

std::uint64_t rounded(Backing backing) { return std::max(guest_memory, page_bytes(backing)); }

/// Why this host has no such memory, if so.
std::optional<std::string> lack_of(Backing backing) {
    if (is_hugetlb(backing)) {
        return huge_page_lack(page_bytes(backing), rounded(backing) / page_bytes(backing));
    }
    return backing == Backing::thp ? transparent_huge_page_lack() : std::nullopt;
}

/// Whether the kernel gives a huge page to memory that asks for one and is touched, right now.
bool gets_a_transparent_huge_page() {
    const std::uint64_t size = 4 * mib;
    void* const address =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const Mapping mapping(address, size);
    ::madvise(address, size, MADV_HUGEPAGE);
    std::fill_n(static_cast<char*>(address), size, 'x');
    // The mapping may have been merged with a neighbour: all that lies around it.
    std::ifstream smaps("/proc/self/smaps");
    return read_resident_pages(smaps, 0, ~std::uint64_t{0}).anon_huge_pages != 0;
}

class BackingTest : public test::KvmFixture<testing::TestWithParam<Backing>> {
  protected:
    void SetUp() override {
        test::KvmFixture<testing::TestWithParam<Backing>>::SetUp();
        if (IsSkipped()) {
            return;
        }
        if (const auto lack = lack_of(GetParam())) {
            GTEST_SKIP() << "NOT TESTED: " << *lack;
        }
    }

    /// A guest that maps a page of 2 MiB and reads and writes all over it, in user mode too: its
    /// shadow has a leaf there on any KVM.
    MemoryReport run(bool prefault) {
        const GuestAndTest chosen("paging", "large_page_maps_2_mib");
        TestSettings settings;
        settings.memory = guest_memory;
        settings.backing = {GetParam(), prefault};
        settings.memory_report = true;
        const TestResult result = run_test(system(), chosen.guest, chosen.test, settings, {});
        EXPECT_EQ(result.verdict, Verdict::passed) << result.reason << "\n" << result.diagnosis;
        return result.memory.value_or(MemoryReport{});
    }
};

TEST_P(BackingTest, IsWhatWasAskedFor) {
    const MemoryReport report = run(false);
    const BackingReport& memory = report.guest_memory;
    EXPECT_EQ(memory.problem, "");
    EXPECT_EQ(memory.asked.kind, GetParam());
    EXPECT_EQ(memory.bytes, rounded(GetParam()));
    EXPECT_EQ(memory.host.mapped, memory.bytes);
    EXPECT_EQ(memory.host.kernel_page_size, page_bytes(GetParam()));
    EXPECT_EQ(memory.pool.has_value(), is_hugetlb(GetParam()));
    EXPECT_EQ(memory.host.rss == 0, is_hugetlb(GetParam()));
    EXPECT_EQ(memory.host.shared_hugetlb + memory.host.private_hugetlb != 0,
              is_hugetlb(GetParam()));
    EXPECT_EQ(memory.host.shmem_pmd_mapped + memory.host.file_pmd_mapped, 0U);
    if (GetParam() != Backing::thp) {
        EXPECT_EQ(memory.host.anon_huge_pages, 0U);
    } else if (gets_a_transparent_huge_page()) {
        EXPECT_GE(memory.host.anon_huge_pages, 2 * mib);
    }
}

TEST_P(BackingTest, IsPopulatedByTouchesOrBeforehand) {
    const ResidentPages touched = run(false).guest_memory.host;
    EXPECT_GT(touched.resident(), 0U);
    if (touched.mapped > page_bytes(GetParam())) {
        EXPECT_LT(touched.resident(), touched.mapped);
    }
    const MemoryReport before = run(true);
    EXPECT_TRUE(before.guest_memory.asked.prefault);
    EXPECT_EQ(before.guest_memory.host.resident(), before.guest_memory.bytes);
}

TEST_P(BackingTest, DecidesWhichLeavesKvmCanUse) {
    const MemoryReport report = run(false);
    if (!report.kvm_pages) {
        GTEST_SKIP() << "NOT TESTED, KVM does not show its pages here";
    }
    const KvmPages& pages = *report.kvm_pages;
    const std::uint64_t large = pages.size_2m + pages.size_1g;
    if (is_hugetlb(GetParam())) {
        EXPECT_GE(large, 1U);
    } else if (report.guest_memory.host.anon_huge_pages == 0) {
        EXPECT_EQ(large, 0U);
        EXPECT_GE(pages.size_4k, 1U);
    }
    if (GetParam() != Backing::hugetlb_1g) {
        EXPECT_EQ(pages.size_1g, 0U);
    }
}

TEST_P(BackingTest, AllOfItIsTheGuests) {
    // Rounded up for the pages, the guest is told of the whole.
    MachineSettings settings;
    settings.memory = guest_memory;
    settings.backing.kind = GetParam();
    const GuestAndTest chosen("boot", "memory_map_is_usable");
    Machine machine(system(), chosen.guest, chosen.test, settings);
    EXPECT_EQ(machine.memory().size(), rounded(GetParam()));
    const auto boot =
        machine.memory().read<channel::BootInfo>(machine.shared_pages().boot_info).value();
    EXPECT_EQ(boot.free_memory_end, rounded(GetParam()));
    EXPECT_EQ(machine.run([](std::uint32_t) {}, std::chrono::seconds(60), {}).ending,
              Ending::finished);
}

std::string name_of(const testing::TestParamInfo<Backing>& backing) {
    std::string name(study::name_of(backing.param));
    std::ranges::replace(name, '-', '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(Kinds, BackingTest,
                         testing::Values(Backing::anon, Backing::thp, Backing::memfd,
                                         Backing::hugetlb_2m, Backing::hugetlb_1g),
                         name_of);

// What a host cannot have is refused when it is mapped: a page that is missing later is a SIGBUS.

class HugePageLackTest : public testing::TestWithParam<Backing> {};

TEST_P(HugePageLackTest, IsAnErrorWhenItIsMapped) {
    const std::uint64_t bytes = page_bytes(GetParam());
    const auto pool = huge_page_pool(bytes);
    // More than the host has memory, so that no pool can have or get it.
    const std::uint64_t too_much = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                                       static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) +
                                   bytes;
    try {
        const HostMemory memory = map_backing({.kind = GetParam()}, too_much);
        FAIL() << "mapped";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::host_lacks);
        EXPECT_THAT(error.what(), HasSubstr(std::string(study::name_of(GetParam()))));
        EXPECT_THAT(error.what(), HasSubstr(pool ? "nr_hugepages" : "has no pages of"));
    }
}

INSTANTIATE_TEST_SUITE_P(Kinds, HugePageLackTest,
                         testing::Values(Backing::hugetlb_2m, Backing::hugetlb_1g), name_of);

}  // namespace
}  // namespace nestbed::vmm
