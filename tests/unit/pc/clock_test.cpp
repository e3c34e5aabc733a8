// The clock at times that a test would have to wait for, and its alarm.

#include "vmm/pc/clock.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/machine/exits_by_hand.hpp"

namespace nestbed::vmm {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_days;
using TimePoint = std::chrono::system_clock::time_point;

class ClockTest : public test::ExitsByHand {
  protected:
    ClockTest() { clock_.register_in(exits_); }

    std::uint32_t read(std::uint8_t number) {
        EXPECT_EQ(out(0x70, number), std::nullopt);
        return in(0x71);
    }
    void write(std::uint8_t number, std::uint8_t value) {
        EXPECT_EQ(out(0x70, number), std::nullopt);
        EXPECT_EQ(out(0x71, value), std::nullopt);
    }
    /// Its decimal digits: century, year, month, day, day of the week (Sunday is 1), and the time.
    std::string shown_at(TimePoint now) {
        now_ = now;
        std::string text;
        for (const int number : {50, 9, 8, 7, 6, 4, 2, 0}) {
            text += fmt::format("{:02x}", read(static_cast<std::uint8_t>(number)));
        }
        return text;
    }
    void set_alarm(std::uint8_t hour, std::uint8_t minute, std::uint8_t second) {
        write(5, hour);
        write(3, minute);
        write(1, second);
        write(11, 0x20);
    }

    static inline TimePoint now_;
    static constexpr TimePoint noon = sys_days(2024y / 2 / 29) + 12h;

    Clock clock_{[] { return now_; }};
};

TEST_F(ClockTest, ShowsCalendarTimeInDecimals) {
    EXPECT_EQ(shown_at(noon), "2024022905120000");
    EXPECT_EQ(shown_at(noon - 1s), "2024022905115959");
    EXPECT_EQ(shown_at(sys_days(2024y / 3 / 1)), "2024030106000000");
    EXPECT_EQ(shown_at(sys_days(2023y / 3 / 1) - 1s), "2023022803235959");
    EXPECT_EQ(shown_at(sys_days(1970y / 1 / 1)), "1970010105000000");
}

TEST_F(ClockTest, KnowsOtherCenturies) {
    EXPECT_EQ(shown_at(sys_days(1999y / 12 / 31) + 86399s), "1999123106235959");
    EXPECT_EQ(shown_at(sys_days(2000y / 1 / 1)), "2000010107000000");
    EXPECT_EQ(shown_at(sys_days(2100y / 2 / 28)), "2100022801000000") << "a Sunday";
    EXPECT_EQ(shown_at(sys_days(2100y / 3 / 1) - 1ns), "2100022801235959") << "no leap year";
}

TEST_F(ClockTest, UpdatesAtTheEndOfASecond) {
    const std::vector<std::pair<std::chrono::microseconds, std::uint32_t>> steps{
        {0s, 0x26}, {500ms, 0x26}, {989ms, 0x26}, {991ms, 0xA6}, {999'999us, 0xA6}, {1s, 0x26}};
    for (const auto& [after, expected] : steps) {
        now_ = noon + after;
        EXPECT_EQ(read(10), expected) << after.count();
    }
    now_ = noon + 995ms;
    EXPECT_EQ(read(0), 0U) << "the old second still";
}

TEST_F(ClockTest, SaysHowItCounts) {
    EXPECT_EQ(read(11), 0x02U) << "24 hours, decimals";
    write(11, 0x00);
    EXPECT_EQ(read(11), 0x02U);
    write(11, 0x20 | 0x04);
    EXPECT_EQ(read(11), 0x22U) << "decimals, whatever it was told";
    EXPECT_EQ(read(12), 0U);
    EXPECT_EQ(read(13), 0x80U);
    write(13, 0);
    EXPECT_EQ(read(13), 0x80U);
}

TEST_F(ClockTest, TheRestIsMemory) {
    constexpr std::array<std::uint8_t, 7> plain{1, 3, 5, 14, 49, 51, 127};
    for (const std::uint8_t number : plain) {
        write(number, number);
    }
    for (const std::uint8_t number : plain) {
        EXPECT_EQ(read(number), number);
    }
    EXPECT_EQ(read(0x80 | 14), 14U) << "the highest bit has another meaning";
    now_ = noon;
    write(0, 0x33);
    EXPECT_EQ(read(0), 0U) << "the time is the host's";
    EXPECT_EQ(in(0x70), 0xFFU);
}

TEST_F(ClockTest, IndexAndValueMayComeInOneWrite) {
    EXPECT_EQ(out(0x70, 0x5A0E, 2), std::nullopt);
    EXPECT_EQ(read(0x0E), 0x5AU);
    EXPECT_EQ(in(0x70, 2), 0x5AFFU);
    // What is wider is nobody's.
    EXPECT_EQ(out(0x71, 0x1122'3344, 4), std::nullopt);
    EXPECT_EQ(in(0x71, 4), 0xFFFF'FF44U);
}

// The alarm.

TEST_F(ClockTest, ThereIsNoAlarmUntilItIsEnabled) {
    EXPECT_EQ(clock_.until_alarm(noon), std::nullopt);
    set_alarm(0x12, 0x00, 0x10);
    EXPECT_EQ(clock_.until_alarm(noon), 10s);
    write(11, 0x02);
    EXPECT_EQ(clock_.until_alarm(noon), std::nullopt);
}

TEST_F(ClockTest, AnAlarmIsTheNextOne) {
    set_alarm(0x12, 0x34, 0x56);
    EXPECT_EQ(clock_.until_alarm(noon), 34min + 56s);
    EXPECT_EQ(clock_.until_alarm(noon + 34min + 55s), 1s);
    EXPECT_EQ(clock_.until_alarm(noon + 34min + 56s), 24h) << "this one has been";
    EXPECT_EQ(clock_.until_alarm(noon + 34min + 57s), 24h - 1s);
    EXPECT_EQ(clock_.until_alarm(noon + 34min + 55s + 1ms), 999ms);
    EXPECT_EQ(clock_.until_alarm(noon + 34min + 55s + 1ns), 1s) << "never too early";
}

TEST_F(ClockTest, APartOfAnAlarmMayBeAny) {
    set_alarm(0xFF, 0xFF, 0xFF);
    EXPECT_EQ(clock_.until_alarm(noon), 1s);
    set_alarm(0xFF, 0xC0, 0x05);
    EXPECT_EQ(clock_.until_alarm(noon), 5s);
    EXPECT_EQ(clock_.until_alarm(noon + 5s), 1min);
    set_alarm(0xFF, 0x00, 0x00);
    EXPECT_EQ(clock_.until_alarm(noon), 1h);
    set_alarm(0x00, 0xFF, 0xFF);
    EXPECT_EQ(clock_.until_alarm(noon), 12h) << "midnight is in the next day";
    set_alarm(0xFF, 0xFF, 0x80);
    EXPECT_EQ(clock_.until_alarm(noon), std::nullopt) << "0x80 is not any, and no second";
}

TEST_F(ClockTest, AnAlarmThatNeverComesIsNone) {
    const std::vector<std::array<std::uint8_t, 3>> never{
        {0x24, 0xFF, 0xFF}, {0xFF, 0x60, 0xFF}, {0xFF, 0xFF, 0x60}, {0x0C, 0x00, 0x00}};
    for (const auto& [hour, minute, second] : never) {
        set_alarm(hour, minute, second);
        EXPECT_EQ(clock_.until_alarm(noon), std::nullopt) << +hour << ":" << +minute;
    }
}

TEST_F(ClockTest, AnAlarmMayBeInAnotherYear) {
    set_alarm(0x00, 0x00, 0x01);
    EXPECT_EQ(clock_.until_alarm(sys_days(2100y / 1 / 1) - 1s), 2s);
}

TEST(Clock, ShowsTheHostsTime) {
    // No constructor argument: system_clock, which the PC's has.
    EXPECT_EQ(Clock().until_alarm(std::chrono::system_clock::now()), std::nullopt);
}

}  // namespace
}  // namespace nestbed::vmm
