#include "vmm/pc/clock.hpp"

#include <algorithm>

namespace nestbed::vmm {

namespace {

using std::chrono::system_clock;

// Registers.
constexpr std::uint8_t second = 0;
constexpr std::uint8_t second_alarm = 1;
constexpr std::uint8_t minute = 2;
constexpr std::uint8_t minute_alarm = 3;
constexpr std::uint8_t hour = 4;
constexpr std::uint8_t hour_alarm = 5;
constexpr std::uint8_t day_of_week = 6;
constexpr std::uint8_t day = 7;
constexpr std::uint8_t month = 8;
constexpr std::uint8_t year = 9;
constexpr std::uint8_t register_a = 10;
constexpr std::uint8_t register_b = 11;
constexpr std::uint8_t register_c = 12;
constexpr std::uint8_t register_d = 13;
constexpr std::uint8_t century = 50;

constexpr std::uint8_t usual_rate = 0x26;          // register A: 32,768 Hz, 1,024 interrupts
constexpr std::uint8_t update_in_progress = 0x80;  // register A
constexpr std::uint8_t alarm_enabled = 0x20;       // register B
constexpr std::uint8_t hours_of_24 = 0x02;         // register B
constexpr std::uint8_t binary = 0x04;              // register B; else binary-coded decimals
constexpr std::uint8_t memory_is_valid = 0x80;     // register D
constexpr std::uint8_t any = 0xC0;                 // of an alarm: whatever it is

/// The real one's is a quarter of a millisecond, which a guest that looks once in a millisecond
/// would wait for a while.
constexpr std::chrono::milliseconds time_of_update(10);

std::uint8_t decimal(int value) {
    return static_cast<std::uint8_t>(value / 10 % 10 << 4 | value % 10);
}

struct CalendarTime {
    std::chrono::year_month_day date;
    unsigned weekday;  // Sunday is 1
    std::chrono::hh_mm_ss<system_clock::duration> time;
};

CalendarTime calendar_time(system_clock::time_point now) {
    const auto days = std::chrono::floor<std::chrono::days>(now);
    return {std::chrono::year_month_day(days), std::chrono::weekday(days).c_encoding() + 1,
            std::chrono::hh_mm_ss(now - days)};
}

bool meets(std::uint8_t wanted, int value) {
    return (wanted & any) == any || wanted == decimal(value);
}

}  // namespace

void Clock::register_in(ExitTable& exits) {
    constexpr std::uint16_t index_port = 0x70;
    // An index and its value may come in one write of 16 bits.
    exits.add_ports(index_port, 2, byte_by_byte(index_port, 2, [this](const Access& access) {
                        return access.address == index_port ? answer_index(access)
                                                            : answer_data(access);
                    }));
}

Answer Clock::answer_index(const Access& access) {
    const std::lock_guard lock(mutex_);
    if (!access.is_write) {
        return access.put(~std::uint64_t{0});
    }
    // The highest bit masks NMIs.
    selected_ = static_cast<std::uint8_t>(access.value() % registers_.size());
    return std::nullopt;
}

Answer Clock::answer_data(const Access& access) {
    const std::lock_guard lock(mutex_);
    if (!access.is_write) {
        return access.put(read(now_()));
    }
    registers_[selected_] = static_cast<std::uint8_t>(access.value());
    return std::nullopt;
}

std::uint8_t Clock::read(system_clock::time_point now) const {
    const CalendarTime at = calendar_time(now);
    switch (selected_) {
        case second:
            return decimal(static_cast<int>(at.time.seconds().count()));
        case minute:
            return decimal(static_cast<int>(at.time.minutes().count()));
        case hour:
            return decimal(static_cast<int>(at.time.hours().count()));
        case day_of_week:
            return decimal(static_cast<int>(at.weekday));
        case day:
            return decimal(static_cast<int>(static_cast<unsigned>(at.date.day())));
        case month:
            return decimal(static_cast<int>(static_cast<unsigned>(at.date.month())));
        case year:
            return decimal(static_cast<int>(at.date.year()) % 100);
        case century:
            return decimal(static_cast<int>(at.date.year()) / 100);
        case register_a:
            return usual_rate | (at.time.subseconds() > std::chrono::seconds(1) - time_of_update
                                     ? update_in_progress
                                     : std::uint8_t{0});
        case register_b:
            // What is shown is always in decimals: a guest that sets another form is told so.
            return static_cast<std::uint8_t>((registers_[register_b] & ~binary) | hours_of_24);
        case register_c:
            return 0;  // no interrupt is raised
        case register_d:
            return memory_is_valid;
        default:
            return registers_[selected_];
    }
}

std::optional<std::chrono::milliseconds> Clock::until_alarm(system_clock::time_point now) const {
    const std::lock_guard lock(mutex_);
    if ((registers_[register_b] & alarm_enabled) == 0) {
        return std::nullopt;
    }
    const auto next = std::chrono::floor<std::chrono::seconds>(now) + std::chrono::seconds(1);
    for (auto at = next; at < next + std::chrono::days(1); at += std::chrono::seconds(1)) {
        const CalendarTime then = calendar_time(at);
        if (meets(registers_[second_alarm], static_cast<int>(then.time.seconds().count())) &&
            meets(registers_[minute_alarm], static_cast<int>(then.time.minutes().count())) &&
            meets(registers_[hour_alarm], static_cast<int>(then.time.hours().count()))) {
            return std::chrono::ceil<std::chrono::milliseconds>(at - now);
        }
    }
    return std::nullopt;
}

}  // namespace nestbed::vmm
