#include "vmm/host/cpu_settings.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <array>

#include "tests/unit/base/temporary_folder.hpp"

namespace nestbed::vmm {
namespace {

using test::TemporaryFolder;
using testing::ElementsAre;
using testing::Optional;
using testing::Pair;

constexpr std::array<std::uint32_t, 2> two_cores{0, 3};

CpuSettings settings_in(const TemporaryFolder& root) {
    return find_cpu_settings(root.path(), two_cores);
}

void write_for_core(const TemporaryFolder& root, int core, const char* file, const char* contents) {
    root.write(fmt::format("sys/devices/system/cpu/cpu{}/cpufreq/{}", core, file), contents);
}

TEST(CpuSettings, AreWhatTheHostTells) {
    const TemporaryFolder root;
    root.write("proc/cpuinfo",
               "processor\t: 0\nmicrocode\t: 0x2b\n\nprocessor\t: 1\nmicrocode\t: 0x2b\n");
    for (const int core : {0, 3}) {
        write_for_core(root, core, "scaling_driver", "acpi-cpufreq\n");
        write_for_core(root, core, "scaling_governor", "performance\n");
    }
    write_for_core(root, 1, "scaling_governor", "powersave\n");  // no vCPU runs there
    root.write("sys/devices/system/cpu/cpufreq/boost", "1\n");
    root.write("sys/devices/system/cpu/smt/active", "0\n");
    root.write("sys/devices/system/cpu/vulnerabilities/meltdown", "Mitigation: PTI\n");
    for (const char* name : {"node0/x", "node12/x", "node/x", "nodes/x", "possible"}) {
        root.write(std::string("sys/devices/system/node/") + name, "");
    }
    const CpuSettings settings = settings_in(root);
    EXPECT_EQ(settings.microcode, "0x2b");
    EXPECT_EQ(settings.frequency_driver, "acpi-cpufreq");
    EXPECT_EQ(settings.governor, "performance");
    EXPECT_EQ(settings.turbo, true);
    EXPECT_EQ(settings.smt, false);
    EXPECT_EQ(settings.numa_nodes, 2U);
    EXPECT_THAT(settings.mitigations,
                Optional(ElementsAre(Pair("meltdown", Optional(std::string("Mitigation: PTI"))))));
}

TEST(CpuSettings, AreNotKnownWithoutProcAndSys) {
    const CpuSettings settings = settings_in(TemporaryFolder());
    EXPECT_EQ(settings.microcode, std::nullopt);
    EXPECT_EQ(settings.frequency_driver, std::nullopt);
    EXPECT_EQ(settings.governor, std::nullopt);
    EXPECT_EQ(settings.turbo, std::nullopt);
    EXPECT_EQ(settings.smt, std::nullopt);
    EXPECT_EQ(settings.numa_nodes, std::nullopt);
    EXPECT_EQ(settings.mitigations, std::nullopt);
}

TEST(CpuSettings, AreNotKnownFromNonsense) {
    for (const char* nonsense : {"", "\n", "abc\n", "99999999999999999999\n"}) {
        const TemporaryFolder root;
        root.write("proc/cpuinfo", nonsense);
        root.write("sys/devices/system/cpu/cpufreq/boost", nonsense);
        root.write("sys/devices/system/cpu/smt/active", nonsense);
        root.write("sys/devices/system/node", nonsense);
        const CpuSettings settings = settings_in(root);
        EXPECT_EQ(settings.microcode, std::nullopt) << nonsense;
        EXPECT_EQ(settings.turbo, std::nullopt) << nonsense;
        EXPECT_EQ(settings.smt, std::nullopt) << nonsense;
        EXPECT_EQ(settings.numa_nodes, std::nullopt) << nonsense;
    }
}

TEST(CpuSettings, TurboOfIntelPstateIsToldByItsOpposite) {
    const TemporaryFolder root;
    const char* const file = "sys/devices/system/cpu/intel_pstate/no_turbo";
    root.write(file, "1\n");
    EXPECT_EQ(settings_in(root).turbo, false);
    root.write(file, "0\n");
    EXPECT_EQ(settings_in(root).turbo, true);
    root.write(file, "abc\n");
    EXPECT_EQ(settings_in(root).turbo, std::nullopt);
}

TEST(CpuSettings, OfDifferentCoresAreMixed) {
    const TemporaryFolder root;
    write_for_core(root, 0, "scaling_governor", "performance\n");
    EXPECT_EQ(settings_in(root).governor, std::nullopt) << "one core does not tell";
    write_for_core(root, 3, "scaling_governor", "powersave\n");
    EXPECT_EQ(settings_in(root).governor, "mixed");
    root.write("proc/cpuinfo", "microcode\t: 0x1\nmicrocode\t: 0x2\n");
    EXPECT_EQ(settings_in(root).microcode, "mixed");
}

TEST(CpuSettings, AMitigationThatIsNotToldIsNotKnown) {
    const TemporaryFolder root;
    root.write("sys/devices/system/cpu/vulnerabilities/mds", "");
    EXPECT_THAT(settings_in(root).mitigations, Optional(ElementsAre(Pair("mds", std::nullopt))));
}

}  // namespace
}  // namespace nestbed::vmm
