#include "vmm/host/load.hpp"

#include <gmock/gmock.h>

#include "tests/unit/base/temporary_folder.hpp"

namespace nestbed::vmm {
namespace {

using test::TemporaryFolder;

TEST(HostLoad, IsReadFromProc) {
    const TemporaryFolder root;
    root.write("proc/loadavg", "0.25 0.18 0.12 1/80 11206\n");
    // guest and guest_nice are in user and nice already.
    root.write("proc/stat", "cpu  1000 200 30 4 5 6 7 80 900 100\ncpu0 1 1 1 1 1 1 1 1 1 1\n");
    const HostLoad load = find_load(root.path());
    EXPECT_EQ(load.runnable, 0.25);
    EXPECT_EQ(load.steal, 80U);
    EXPECT_EQ(load.total, 1332U);
}

TEST(HostLoad, IsNotKnownWithoutProc) {
    const HostLoad load = find_load(TemporaryFolder().path());
    EXPECT_EQ(load.runnable, std::nullopt);
    EXPECT_EQ(load.steal, std::nullopt);
    EXPECT_EQ(load.total, std::nullopt);
}

TEST(HostLoad, IsNotKnownFromNonsense) {
    const TemporaryFolder root;
    for (const char* nonsense :
         {"", "abc 1 2\n", "-1 1 2\n", "nan 1\n", "inf 1\n", "1e999 1\n", "0.5abc 1\n"}) {
        root.write("proc/loadavg", nonsense);
        EXPECT_EQ(find_load(root.path()).runnable, std::nullopt) << nonsense;
    }
    for (const char* nonsense :
         {"", "abc\n", "cpu\n", "cpu  1 2 3 4 5 6 7\n", "cpu  1 2 3 4 5 6 7 abc\n",
          "cpu0 1 2 3 4 5 6 7 8\n", "cpu  18446744073709551615 2 3 4 5 6 7 8\n",
          "cpu  99999999999999999999 2 3 4 5 6 7 8\n"}) {
        root.write("proc/stat", nonsense);
        EXPECT_EQ(find_load(root.path()).steal, std::nullopt) << nonsense;
        EXPECT_EQ(find_load(root.path()).total, std::nullopt) << nonsense;
    }
}

HostLoad at(std::uint64_t steal, std::uint64_t total) {
    return {.runnable = {}, .steal = steal, .total = total};
}

TEST(StolenTime, IsAShareOfTheTimeBetween) {
    EXPECT_EQ(stolen_between(at(10, 1000), at(60, 1200)), 0.25);
    EXPECT_EQ(stolen_between(at(10, 1000), at(10, 1200)), 0);
}

TEST(StolenTime, IsNotKnownIfOneEndIsNot) {
    EXPECT_EQ(stolen_between({}, at(1, 2)), std::nullopt);
    EXPECT_EQ(stolen_between(at(1, 2), {}), std::nullopt);
}

TEST(StolenTime, IsNotKnownWhereTheCountsContradictEachOther) {
    EXPECT_EQ(stolen_between(at(10, 1000), at(10, 1000)), std::nullopt) << "no tick is over";
    EXPECT_EQ(stolen_between(at(10, 1000), at(9, 1100)), std::nullopt);
    EXPECT_EQ(stolen_between(at(10, 1000), at(10, 900)), std::nullopt);
    EXPECT_EQ(stolen_between(at(10, 1000), at(30, 1010)), std::nullopt);
}

}  // namespace
}  // namespace nestbed::vmm
