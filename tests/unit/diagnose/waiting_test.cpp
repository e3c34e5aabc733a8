// Who waits for whom, and which vCPU is the one that all wait for.

#include "vmm/diagnose/waiting.hpp"

#include <gmock/gmock.h>

namespace nestbed::vmm {
namespace {

using channel::Wait;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr Wait nothing{};
constexpr Wait for_cpu(std::uint32_t cpu) { return {channel::WaitKind::cpu, cpu, {}}; }
constexpr Wait meeting(std::uint32_t cpus, std::uint64_t place = 0x1000) {
    return {channel::WaitKind::meeting, cpus, {place}};
}

TEST(Waiting, NobodyWaits) {
    const Waiting waiting({nothing, nothing});
    EXPECT_EQ(waiting.last_to_wait_for(), 0U);
    EXPECT_THAT(waiting.texts(), IsEmpty());
}

TEST(Waiting, ForWork) {
    const Waiting waiting({for_cpu(2), nothing, for_cpu(1)});
    EXPECT_EQ(waiting.last_to_wait_for(), 1U);
    EXPECT_THAT(waiting.texts(), ElementsAre("vCPU 0 waits for vCPU 2 (wait_for)",
                                             "vCPU 2 waits for vCPU 1 (wait_for)"));
}

TEST(Waiting, InARendezvousOfAll) {
    const Waiting waiting({meeting(4), meeting(4), nothing, meeting(4)});
    EXPECT_EQ(waiting.last_to_wait_for(), 2U);
    EXPECT_THAT(waiting.texts(),
                ElementsAre("vCPUs 0, 1 and 3 wait in a Rendezvous: 3 of 4 have come, vCPU 2 has "
                            "not"));
}

TEST(Waiting, InTwoPlaces) {
    const Waiting waiting({meeting(3, 1), meeting(3, 2), meeting(3, 1)});
    EXPECT_EQ(waiting.last_to_wait_for(), 1U) << "in a circle: whoever comes last";
    EXPECT_THAT(waiting.texts(),
                ElementsAre("vCPUs 0 and 2 wait in a Rendezvous: 2 of 3 have come, vCPU 1 has not",
                            "vCPU 1 waits in a Rendezvous: 1 of 3 have come, vCPUs 0 and 2 have "
                            "not"));
}

TEST(Waiting, NobodyKnowsWhoseTurnItIs) {
    const Waiting waiting({meeting(2), nothing, nothing});
    EXPECT_EQ(waiting.last_to_wait_for(), 0U);
    EXPECT_THAT(waiting.texts(), ElementsAre("vCPU 0 waits in a Rendezvous: 1 of 2 have come"));
}

TEST(Waiting, OneTooManyInARendezvous) {
    const Waiting waiting({for_cpu(2), nothing, meeting(2), nothing});
    EXPECT_EQ(waiting.last_to_wait_for(), 2U);
    EXPECT_FALSE(waiting.is_waiting(1));
    EXPECT_TRUE(waiting.is_waiting(2));
}

TEST(Waiting, WhatAGuestSaysIsNotTrusted) {
    EXPECT_EQ(Waiting({for_cpu(0)}).last_to_wait_for(), 0U);
    EXPECT_EQ(Waiting({for_cpu(1), for_cpu(0)}).last_to_wait_for(), 0U);
    EXPECT_EQ(Waiting({for_cpu(7), nothing}).last_to_wait_for(), 0U);
    EXPECT_EQ(Waiting({meeting(9), meeting(9)}).last_to_wait_for(), 0U);
    const Waiting damaged({{static_cast<channel::WaitKind>(77), 1, {}}, nothing});
    EXPECT_EQ(damaged.last_to_wait_for(), 0U);
    EXPECT_THAT(damaged.texts(), IsEmpty());
}

}  // namespace
}  // namespace nestbed::vmm
