#include "vmm/render/host_text.hpp"

#include <gmock/gmock.h>

#include "vmm/base/text.hpp"
#include "vmm/render/circumstances_text.hpp"

namespace nestbed::vmm {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Le;
using testing::Not;

TEST(HostText, SaysWhatIsNotKnown) {
    HostDescription host;
    host.kernel = "6.1";
    host.huge_pages = {{{2048, std::nullopt, 0, 0}}};
    const std::string text = host_text({}, host, std::nullopt);
    EXPECT_THAT(text, AllOf(HasSubstr("CPU          not known"),
                            HasSubstr("cores: not known, memory: not known"),
                            HasSubstr("2 MiB pages  not known"), HasSubstr("huge pages: not known"),
                            HasSubstr("rate: not known"), HasSubstr("module    not known"),
                            HasSubstr("paging    not known")));
    EXPECT_THAT(text, Not(HasSubstr("varying rate")));
    EXPECT_THAT(text, Not(HasSubstr("in all")));
}

TEST(HostText, TellsWhatIsNotThereFromWhatIsNotKnown) {
    HostDescription host;
    host.kvm_module = "";
    host.transparent_huge_pages = "";
    host.tsc = {.constant = false, .nonstop = true, .known_frequency = {}, .clocksource = "hpet"};
    EXPECT_THAT(host_text({}, host, std::nullopt),
                AllOf(HasSubstr("module    none"), HasSubstr("huge pages   not known"),
                      HasSubstr("this kernel has no transparent huge pages"),
                      HasSubstr("varying rate, never stops; the kernel's clock is hpet")));
}

TEST(CircumstancesText, IsWhatAPersonCanUse) {
    Provenance provenance;
    provenance.cpu = {.microcode = "0x2b",
                      .frequency_driver = "intel_pstate",
                      .governor = "performance",
                      .turbo = true,
                      .smt = false,
                      .numa_nodes = 1,
                      .mitigations = {}};
    provenance.cgroup = {.cpu_max = "150000 100000", .memory_max = "2147483648", .cpus = "0-3"};
    EXPECT_EQ(circumstances_text(provenance),
              "Processors\n"
              "  microcode      0x2b\n"
              "  frequency      governor performance, driver intel_pstate, turbo on\n"
              "  topology       SMT off, 1 NUMA node\n"
              "  cgroup limits  1.5 cores' time, 2048 MiB of memory\n");
}

TEST(CircumstancesText, OfLimitsHasThoseThatLimit) {
    Provenance provenance;
    provenance.cgroup = {.cpu_max = "max 100000", .memory_max = "max", .cpus = {}};
    EXPECT_THAT(circumstances_text(provenance), HasSubstr("cgroup limits  none\n"));
    provenance.cgroup.memory_max = "1048576";
    EXPECT_THAT(circumstances_text(provenance), HasSubstr("cgroup limits  1 MiB of memory\n"));
}

TEST(CircumstancesText, SaysWhatIsNotKnownInEightyColumns) {
    Provenance provenance;
    const std::string text = circumstances_text(provenance);
    EXPECT_THAT(text, AllOf(HasSubstr("microcode      not known"), HasSubstr("turbo not known"),
                            HasSubstr("SMT not known, NUMA nodes not known"),
                            HasSubstr("cgroup limits  not known")));
    provenance.cpu.governor = std::string(30, 'g');
    provenance.cpu.frequency_driver = std::string(30, 'd');
    const std::string long_text = circumstances_text(provenance, 80);
    for (const std::string_view line : lines_of(long_text)) {
        EXPECT_THAT(width_of(line), Le(80U)) << line;
    }
}

}  // namespace
}  // namespace nestbed::vmm
