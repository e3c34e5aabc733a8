// KVM's own counters, of real VMs, and regions that real guests mark. The guests are a few bytes
// of machine code each, so that what KVM has to do in a region is known.

#include <linux/kvm.h>

#include <algorithm>

#include "tests/vmm/kvm_test.hpp"
#include "tests/vmm/port_writer.hpp"
#include "vmm/platform/machine.hpp"
#include "vmm/run/test_runner.hpp"

namespace nestbed::vmm {
namespace {

using channel::RegionMark;
using test::PortWriter;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
namespace port = channel::port;

class StatisticsTest : public test::KvmTest {
  protected:
    void SetUp() override {
        test::KvmTest::SetUp();
        if (!IsSkipped() && system().extension(KVM_CAP_BINARY_STATS_FD) == 0) {
            GTEST_SKIP() << "NOT TESTED, KVM does not show its counters here";
        }
    }

    TestResult run(PortWriter& program, bool statistics = true) {
        const std::vector<std::byte> file = program.write(port::finish, 0).file();
        const Guest guest("marks.elf", file);
        TestSettings settings;
        settings.statistics = statistics;
        return run_test(system(), guest, guest.tests().front(), settings, {});
    }
};

std::vector<std::string> names_of(const kvm::Statistics& statistics) {
    std::vector<std::string> names;
    for (const kvm::Statistic& counter : statistics.counters()) {
        names.push_back(counter.name);
    }
    return names;
}

TEST_F(StatisticsTest, AVmAndAVcpuHaveCounters) {
    kvm::Vm vm = system().create_vm();
    const kvm::Vcpu vcpu = vm.create_vcpu(0, system().vcpu_mapping_size());
    const kvm::Statistics of_vm = vm.statistics();
    const kvm::Statistics of_vcpu = vcpu.statistics();
    EXPECT_THAT(names_of(of_vm), Contains("remote_tlb_flush"));
    EXPECT_THAT(names_of(of_vcpu), Contains("exits"));
    for (const kvm::Statistics* statistics : {&of_vm, &of_vcpu}) {
        std::vector<std::uint64_t> values(statistics->counters().size());
        EXPECT_NO_THROW(statistics->read(values));
    }
}

TEST_F(StatisticsTest, ARegionCountsWhatIsInIt) {
    // Any KVM counts an exit to user space as one, whatever it counts besides; but exits for the
    // host's interrupts may come in the empty region, and are subtracted.
    constexpr int calls = 16;
    PortWriter program;
    program.mark(RegionMark::begin_empty).mark(RegionMark::end_empty);
    program.mark(RegionMark::begin_operation);
    for (int n = 0; n < calls; ++n) {
        program.write(port::nothing, 0);
    }
    program.mark(RegionMark::end_operation);
    const TestResult result = run(program);
    EXPECT_EQ(result.verdict, Verdict::passed) << result.reason;
    EXPECT_EQ(result.kvm_counts.operations, 1U);
    EXPECT_EQ(result.kvm_counts.empty, 1U);
    EXPECT_EQ(result.kvm_counts.problem, "");
    const auto exits = std::ranges::find(result.kvm_counts.counts, "exits", &KvmCount::name);
    ASSERT_NE(exits, result.kvm_counts.counts.end());
    EXPECT_GE(exits->per_operation, calls / 2);
}

TEST_F(StatisticsTest, AreNotReadUnlessAskedFor) {
    PortWriter program;
    program.mark(RegionMark::begin_empty).mark(RegionMark::end_empty);
    program.mark(RegionMark::begin_operation).mark(RegionMark::end_operation);
    const TestResult result = run(program, false);
    EXPECT_EQ(result.verdict, Verdict::passed) << result.reason;
    EXPECT_EQ(result.kvm_counts.operations, 1U);
    EXPECT_THAT(result.kvm_counts.counts, IsEmpty());
}

TEST_F(StatisticsTest, AnEndWithoutABeginningFailsTheTest) {
    PortWriter program;
    const TestResult result = run(program.mark(RegionMark::end_operation));
    EXPECT_EQ(result.verdict, Verdict::failed);
    EXPECT_THAT(result.reason, HasSubstr("a region ends that did not begin"));
}

TEST_F(StatisticsTest, AnUnknownMarkFailsTheTest) {
    PortWriter program;
    const TestResult result = run(program.write(port::statistics, 0xDEAD));
    EXPECT_EQ(result.verdict, Verdict::failed);
    EXPECT_THAT(result.reason, HasSubstr("a 4-byte write to port 0x5f0: 57005 is no mark"));
}

}  // namespace
}  // namespace nestbed::vmm
