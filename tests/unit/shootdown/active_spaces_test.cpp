#include "shared/shootdown/active_spaces.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace nestbed::shootdown {
namespace {

struct Space {
    AtomicCpuSet& active_set() { return active; }
    AtomicCpuSet active;
};

class ActiveSpacesTable : public testing::Test {
  protected:
    void load(std::uint32_t cpu, Space& space) {
        table.load(cpu, space, [&] { ++cr3_writes; });
    }
    void unload(std::uint32_t cpu) {
        table.unload(cpu, [&] { ++cr3_writes; });
    }

    ActiveSpaces<Space, 8> table;
    Space first;
    Space second;
    int cr3_writes = 0;
};

TEST_F(ActiveSpacesTable, IsEmptyAtFirst) {
    for (std::uint32_t cpu = 0; cpu < 8; ++cpu) {
        EXPECT_EQ(table.current(cpu), nullptr);
    }
}

TEST_F(ActiveSpacesTable, ACpuIsInTheSetOfTheSpaceThatItLoaded) {
    load(3, first);
    EXPECT_EQ(table.current(3), &first);
    EXPECT_EQ(first.active.load(), CpuSet::of(3));
    load(3, second);
    EXPECT_EQ(table.current(3), &second);
    EXPECT_EQ(first.active.load(), CpuSet());
    EXPECT_EQ(second.active.load(), CpuSet::of(3));
    unload(3);
    EXPECT_EQ(table.current(3), nullptr);
    EXPECT_EQ(second.active.load(), CpuSet());
    EXPECT_EQ(cr3_writes, 3);
}

TEST_F(ActiveSpacesTable, EachCpuHasItsOwn) {
    load(0, first);
    load(7, first);
    EXPECT_EQ(first.active.load(), CpuSet(0x81));
    load(0, second);
    EXPECT_EQ(table.current(0), &second);
    EXPECT_EQ(table.current(7), &first);
    EXPECT_EQ(first.active.load(), CpuSet::of(7));
    unload(7);
    EXPECT_EQ(table.current(0), &second);
    EXPECT_EQ(second.active.load(), CpuSet::of(0));
}

TEST_F(ActiveSpacesTable, WhatIsLoadedAlreadyCostsNoCr3Write) {
    unload(1);
    EXPECT_EQ(cr3_writes, 0);
    load(1, first);
    load(1, first);
    EXPECT_EQ(cr3_writes, 1);
    EXPECT_EQ(first.active.load(), CpuSet::of(1));
    unload(1);
    unload(1);
    EXPECT_EQ(cr3_writes, 2);
    load(1, first);
    EXPECT_EQ(cr3_writes, 3);
}

// Traps: recording the new space only after CR3 is loaded, and leaving the old one's set before.
TEST_F(ActiveSpacesTable, WhileCr3IsWrittenTheCpuIsInBothSets) {
    bool looked = false;
    table.load(2, first, [&] {
        looked = true;
        EXPECT_EQ(first.active.load(), CpuSet::of(2));
        EXPECT_EQ(table.current(2), &first);
    });
    EXPECT_TRUE(std::exchange(looked, false));
    table.load(2, second, [&] {
        looked = true;
        EXPECT_EQ(first.active.load(), CpuSet::of(2)) << "it may still walk the old tables";
        EXPECT_EQ(second.active.load(), CpuSet::of(2)) << "it is about to walk the new ones";
        EXPECT_EQ(table.current(2), &second);
    });
    EXPECT_TRUE(std::exchange(looked, false));
    table.unload(2, [&] {
        looked = true;
        EXPECT_EQ(second.active.load(), CpuSet::of(2)) << "it may still walk the old tables";
        EXPECT_EQ(table.current(2), nullptr);
    });
    EXPECT_TRUE(looked);
}

}  // namespace
}  // namespace nestbed::shootdown
