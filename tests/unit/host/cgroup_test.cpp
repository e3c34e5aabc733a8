#include "vmm/host/cgroup.hpp"

#include <gmock/gmock.h>

#include "tests/unit/base/temporary_folder.hpp"

namespace nestbed::vmm {
namespace {

using test::TemporaryFolder;

/// This process is in inner, which is in outer.
class Cgroup : public testing::Test {
  protected:
    Cgroup() { be_in("0::/outer/inner\n"); }

    void be_in(const std::string& groups) { root_.write("proc/self/cgroup", groups); }
    void write(const std::string& file, const std::string& contents) {
        root_.write("sys/fs/cgroup/" + file, contents);
    }
    CgroupLimits limits() const { return find_cgroup_limits(root_.path()); }

  private:
    TemporaryFolder root_;
};

TEST_F(Cgroup, TheTightestLimitCounts) {
    write("outer/inner/cpu.max", "max 100000\n");
    write("outer/cpu.max", "150000 100000\n");
    write("cpu.max", "40000 10000\n");
    write("outer/inner/memory.max", "2147483648\n");
    write("outer/memory.max", "max\n");
    EXPECT_EQ(limits().cpu_max, "150000 100000");
    EXPECT_EQ(limits().memory_max, "2147483648");
}

TEST_F(Cgroup, NoLimitIsTold) {
    write("outer/cpu.max", "max 100000\n");
    write("outer/memory.max", "max\n");
    EXPECT_EQ(limits().cpu_max, "max 100000");
    EXPECT_EQ(limits().memory_max, "max");
}

TEST_F(Cgroup, TheInnermostCpusCount) {
    write("cpuset.cpus.effective", "0-63\n");
    EXPECT_EQ(limits().cpus, "0-63");
    write("outer/inner/cpuset.cpus.effective", "0-3,8\n");
    EXPECT_EQ(limits().cpus, "0-3,8");
}

TEST_F(Cgroup, TheTopmostGroupIsOneToo) {
    be_in("0::/\n");
    write("cpu.max", "50000 100000\n");
    EXPECT_EQ(limits().cpu_max, "50000 100000");
}

void expect_nothing(const CgroupLimits& limits) {
    EXPECT_EQ(limits.cpu_max, std::nullopt);
    EXPECT_EQ(limits.memory_max, std::nullopt);
    EXPECT_EQ(limits.cpus, std::nullopt);
}

TEST_F(Cgroup, WithoutFilesNothingIsKnown) { expect_nothing(limits()); }

TEST_F(Cgroup, OfVersion1NothingIsKnown) {
    write("cpu.max", "50000 100000\n");
    be_in("4:memory:/job\n1:cpu:/job\n");
    expect_nothing(limits());
    be_in("");
    expect_nothing(limits());
}

TEST_F(Cgroup, ThatCannotBeSeenFromHereIsNotKnown) {
    be_in("0::/../job\n");
    write("cpu.max", "50000 100000\n");
    expect_nothing(limits());
}

TEST_F(Cgroup, NonsenseMayBeTheTightest) {
    write("outer/cpu.max", "50000 100000\n");
    for (const char* nonsense : {"", "abc\n", "1\n", "1 2 3\n", "1 0\n", "max\n", "-1 100000\n",
                                 "99999999999999999999 100000\n"}) {
        write("outer/inner/cpu.max", nonsense);
        EXPECT_EQ(limits().cpu_max, std::nullopt) << nonsense;
    }
    for (const char* nonsense : {"", "abc\n", "-1\n", "99999999999999999999\n"}) {
        write("outer/inner/memory.max", nonsense);
        EXPECT_EQ(limits().memory_max, std::nullopt) << nonsense;
    }
    for (const char* nonsense : {"", "abc\n", "all\n"}) {
        write("outer/inner/cpuset.cpus.effective", nonsense);
        EXPECT_EQ(limits().cpus, std::nullopt) << nonsense;
    }
}

TEST_F(Cgroup, CoresOfALimit) {
    EXPECT_EQ(cores_of("150000 100000"), 1.5);
    EXPECT_EQ(cores_of("max 100000"), std::nullopt);
    EXPECT_EQ(cores_of(""), std::nullopt);
}

}  // namespace
}  // namespace nestbed::vmm
