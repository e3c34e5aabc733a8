#include "vmm/host/provenance.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <array>

#include "tests/unit/base/temporary_folder.hpp"
#include "vmm/machine/host_cpus.hpp"

namespace nestbed::vmm {
namespace {

using test::TemporaryFolder;
using testing::MatchesRegex;

constexpr bool named = false;
constexpr bool anonymous = true;

TEST(Provenance, SaysWhenAndWhere) {
    const TemporaryFolder root;
    root.write("proc/cmdline", "root=UUID=1234 quiet\n");
    root.write("proc/loadavg", "2.50 1 1 1/80 11206\n");
    root.write("proc/self/cgroup", "0::/\n");
    root.write("sys/fs/cgroup/memory.max", "max\n");
    const Provenance found = find_provenance(named, root.path());
    std::array<char, 256> name{};
    ASSERT_EQ(::gethostname(name.data(), name.size()), 0);
    EXPECT_EQ(found.host_name, name.data());
    EXPECT_THAT(found.time, MatchesRegex("20..-..-..T..:..:..Z"));
    EXPECT_EQ(found.kernel_command_line, "root=UUID=1234 quiet");
    EXPECT_TRUE(found.kernel_version);
    EXPECT_EQ(found.cores, usable_host_cpus());
    EXPECT_EQ(found.cgroup.memory_max, "max");
    EXPECT_EQ(found.before.runnable, 2.5);
    EXPECT_EQ(found.after.runnable, std::nullopt);
}

TEST(Provenance, AnonymousNamesNoHost) {
    const TemporaryFolder root;
    root.write("proc/cmdline", "root=UUID=1234 quiet\n");
    const Provenance found = find_provenance(anonymous, root.path());
    EXPECT_TRUE(found.anonymous);
    EXPECT_EQ(found.host_name, std::nullopt);
    EXPECT_EQ(found.kernel_command_line, std::nullopt);
    EXPECT_TRUE(found.kernel_version) << "of which many hosts have the same";
}

TEST(Provenance, WithoutProcAndSysTellsNothingOfThem) {
    const TemporaryFolder root;
    const Provenance found = find_provenance(named, root.path());
    EXPECT_EQ(found.kernel_command_line, std::nullopt);
    EXPECT_EQ(found.cpu.microcode, std::nullopt);
    EXPECT_EQ(found.cgroup.cpu_max, std::nullopt);
    EXPECT_EQ(found.before.runnable, std::nullopt);
    EXPECT_TRUE(found.cores) << "the kernel tells that without";
}

}  // namespace
}  // namespace nestbed::vmm
