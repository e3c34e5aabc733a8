#include "vmm/host/free_memory.hpp"

#include <gtest/gtest.h>

#include "tests/unit/base/temporary_folder.hpp"

namespace nestbed::vmm {
namespace {

class FreeMemory : public testing::Test {
  protected:
    FreeMemory() {
        write("proc/meminfo", "MemTotal:  2000 kB\nMemFree:  10 kB\nMemAvailable:    1000 kB\n");
    }
    void write(const std::string& file, const std::string& contents) {
        root_.write(file, contents);
    }
    std::optional<std::uint64_t> found() const { return find_free_memory(root_.path()); }

  private:
    test::TemporaryFolder root_;
};

TEST_F(FreeMemory, IsWhatTheKernelCouldGive) { EXPECT_EQ(found(), 1000U << 10); }

TEST_F(FreeMemory, IsWhatTheTightestGroupHasLeft) {
    write("proc/self/cgroup", "0::/outer/inner\n");
    write("sys/fs/cgroup/outer/inner/memory.max", "max\n");
    write("sys/fs/cgroup/outer/inner/memory.current", "5000\n");
    write("sys/fs/cgroup/outer/memory.max", "50000\n");
    write("sys/fs/cgroup/outer/memory.current", "30000\n");
    EXPECT_EQ(found(), 20000U);
    write("sys/fs/cgroup/outer/memory.stat", "anon 1\ninactive_file 4000\nactive_file 77\n");
    EXPECT_EQ(found(), 24000U) << "files that nobody reads go when somebody needs room";
}

TEST_F(FreeMemory, NothingIsLeftOfAGroupThatIsOverItsLimit) {
    write("proc/self/cgroup", "0::/\n");
    write("sys/fs/cgroup/memory.max", "100\n");
    write("sys/fs/cgroup/memory.current", "300\n");
    EXPECT_EQ(found(), 0U);
}

TEST_F(FreeMemory, KnowsTheFirstVersionOfGroups) {
    write("proc/self/cgroup", "9:name=systemd:/\n4:memory:/box\n0::/\n");
    write("sys/fs/cgroup/memory/box/memory.limit_in_bytes", "70000\n");
    write("sys/fs/cgroup/memory/box/memory.usage_in_bytes", "60000\n");
    write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    write("sys/fs/cgroup/memory/memory.usage_in_bytes", "60000\n");
    EXPECT_EQ(found(), 10000U);
}

TEST_F(FreeMemory, OfAGroupThatCannotBeSeenTheTopCounts) {
    write("proc/self/cgroup", "4:memory:/docker/0123\n0::/../elsewhere\n");
    write("sys/fs/cgroup/memory/memory.limit_in_bytes", "50000\n");
    write("sys/fs/cgroup/memory/memory.usage_in_bytes", "20000\n");
    EXPECT_EQ(found(), 30000U);
}

TEST_F(FreeMemory, IsNothingWhereNobodyTells) {
    EXPECT_EQ(find_free_memory("/nowhere"), std::nullopt);
}

}  // namespace
}  // namespace nestbed::vmm
