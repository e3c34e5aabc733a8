// The timer, switching off, and why a PC cannot sleep. What wakes up needs a VM: tests/vmm.

#include "vmm/pc/power_management.hpp"

#include <gmock/gmock.h>

#include <thread>

#include "tests/unit/machine/exits_by_hand.hpp"
#include "vmm/pc/acpi_tables.hpp"

namespace nestbed::vmm {
namespace {

using testing::HasSubstr;

class PowerManagementTest : public test::ExitsByHand {
  protected:
    static constexpr std::uint16_t enable_port = acpi::event_port + 2;
    static constexpr std::uint32_t sleep_enable = 1 << 13;
    static constexpr std::uint32_t to_ram = 1 << 10;

    explicit PowerManagementTest(std::uint32_t count = 1) : power_(memory_, clock_, count) {
        power_.register_in(exits_);
        clock_.register_in(exits_);
    }

    std::string refusal_of_sleep(std::uint32_t type = to_ram) {
        const Answer answer = out(acpi::control_port, type | sleep_enable, 2);
        if (!answer) {
            return "no refusal";
        }
        EXPECT_EQ(answer->ending, Ending::unexpected_exit);
        return answer->detail;
    }
    /// At the next second.
    void set_alarm() {
        for (const std::uint32_t number : {1U, 3U, 5U}) {
            out(0x70, number);
            out(0x71, 0xFF);
        }
        out(0x70, 11);
        out(0x71, 0x20);
    }

    GuestMemory memory_{map_backing({.kind = Backing::anon}, 2 << 20)};
    Clock clock_;
    PowerManagement power_;
};

class PowerOfTwoCpusTest : public PowerManagementTest {
  protected:
    PowerOfTwoCpusTest() : PowerManagementTest(2) {}
};

TEST_F(PowerManagementTest, TheTimerCountsTheHostsTime) {
    const auto began = std::chrono::steady_clock::now();
    const std::uint32_t first = in(acpi::timer_port, 4);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const std::uint32_t second = in(acpi::timer_port, 4);
    const std::chrono::duration<double> most = std::chrono::steady_clock::now() - began;
    EXPECT_LT(first, 1U << 24);
    EXPECT_LT(second, 1U << 24);
    const std::uint32_t ticks = (second - first) & 0xFF'FFFF;
    EXPECT_GE(ticks, 3'579'545U / 20);
    EXPECT_LE(ticks, most.count() * 3'579'545);
}

TEST_F(PowerManagementTest, TheTimerCannotBeSet) {
    EXPECT_EQ(out(acpi::timer_port, 0x7F'0000, 4), std::nullopt);
    EXPECT_LT(in(acpi::timer_port, 4), 0x70'0000U);
}

TEST_F(PowerManagementTest, NoEventIsThere) {
    EXPECT_EQ(out(acpi::event_port, 0xFFFF, 2), std::nullopt);
    EXPECT_EQ(in(acpi::event_port, 2), 0U);
}

TEST_F(PowerManagementTest, EnabledEventsAreKept) {
    EXPECT_EQ(out(enable_port, 0x0521, 2), std::nullopt);
    EXPECT_EQ(in(enable_port, 2), 0x0521U);
    EXPECT_EQ(in(enable_port + 1), 0x05U);
    EXPECT_EQ(in(acpi::event_port, 4), 0x0521'0000U) << "both registers at once";
    EXPECT_EQ(out(enable_port + 1, 0x01), std::nullopt);
    EXPECT_EQ(in(enable_port, 2), 0x0121U) << "the lower byte stays";
    EXPECT_EQ(out(acpi::event_port, 0x0020'FFFF, 4), std::nullopt);
    EXPECT_EQ(in(acpi::event_port, 4), 0x0020'0000U);
}

TEST_F(PowerManagementTest, TheControlRegisterIsKept) {
    EXPECT_EQ(in(acpi::control_port, 2), 1U) << "ACPI is on";
    EXPECT_EQ(out(acpi::control_port, 0x0402, 2), std::nullopt);
    EXPECT_EQ(in(acpi::control_port, 2), 0x0403U);
    EXPECT_EQ(in(acpi::control_port + 1), 0x04U);
    EXPECT_EQ(out(acpi::control_port, 0, 1), std::nullopt);
    EXPECT_EQ(in(acpi::control_port, 2), 0x0401U) << "the higher byte stays";
}

TEST_F(PowerManagementTest, SwitchingOffEndsTheRun) {
    const Answer answer = out(acpi::control_port, sleep_enable, 2);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->ending, Ending::finished);
    EXPECT_THAT(answer->detail, HasSubstr("switched its PC off"));
}

TEST_F(PowerManagementTest, AByteSwitchesOffToo) {
    const Answer answer = out(acpi::control_port + 1, sleep_enable >> 8, 1);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->ending, Ending::finished);
}

TEST_F(PowerManagementTest, ThereAreTwoKindsOfSleep) {
    for (std::uint32_t type = 2; type < 8; ++type) {
        EXPECT_THAT(refusal_of_sleep(type << 10),
                    HasSubstr(fmt::format("there is no sleep of type {} here", type)));
    }
    EXPECT_EQ(in(acpi::control_port, 2) & sleep_enable, 0U) << "which reads as zero";
}

TEST_F(PowerManagementTest, SleepNeedsAnAlarm) {
    EXPECT_THAT(refusal_of_sleep(), HasSubstr("has set no alarm of the clock"));
}

TEST_F(PowerManagementTest, SleepNeedsAWakingVectorOfRealMode) {
    set_alarm();
    EXPECT_THAT(refusal_of_sleep(), HasSubstr("its waking vector in the FACS is none"));
    for (const std::uint32_t vector : {0x10'0000U, 0xFFFF'FFFFU}) {
        ASSERT_TRUE(memory_.write(acpi::waking_vector, vector));
        EXPECT_THAT(refusal_of_sleep(), HasSubstr("its waking vector in the FACS is none"));
    }
}

TEST_F(PowerOfTwoCpusTest, CannotSleep) {
    set_alarm();
    ASSERT_TRUE(memory_.write(acpi::waking_vector, std::uint32_t{0x1000}));
    EXPECT_THAT(refusal_of_sleep(), HasSubstr("only a PC of one vCPU"));
}

TEST_F(PowerManagementTest, AStopEndsASleep) {
    // An alarm in a while; without a VM, the vCPU cannot be set up to wake.
    set_alarm();
    out(0x70, 5);
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto hour = (std::chrono::duration_cast<std::chrono::hours>(now).count() + 12) % 24;
    out(0x71, static_cast<std::uint32_t>(hour / 10 << 4 | hour % 10));
    ASSERT_TRUE(memory_.write(acpi::waking_vector, std::uint32_t{0x1000}));
    thread().stop();
    EXPECT_ANY_THROW(refusal_of_sleep());
}

}  // namespace
}  // namespace nestbed::vmm
