// Log lines, formatted by the host. A line costs a dozen stores and no exit.
#pragma once

#include <concepts>
#include <cstdint>

#include "guest/kernel/cpu.hpp"
#include "shared/channel/record.hpp"

namespace nestbed::guest {

/// A value on its way to the host, with how to show it.
struct Argument {
    channel::ArgumentKind kind;
    std::uint64_t value;
};

constexpr Argument argument(bool value) {
    return {channel::ArgumentKind::boolean, value ? std::uint64_t{1} : std::uint64_t{0}};
}

template <std::signed_integral T>
constexpr Argument argument(T value) {
    return {channel::ArgumentKind::signed_integer,
            static_cast<std::uint64_t>(static_cast<std::int64_t>(value))};
}

template <std::unsigned_integral T>
requires(!std::same_as<T, bool>) constexpr Argument argument(T value) {
    return {channel::ArgumentKind::unsigned_integer, value};
}

template <typename T>
requires std::is_enum_v<T>
constexpr Argument argument(T value) {
    return argument(static_cast<std::underlying_type_t<T>>(value));
}

/// String literals only: the host reads the text when the run is over.
inline Argument argument(const char* literal) {
    return {channel::ArgumentKind::string, reinterpret_cast<std::uint64_t>(literal)};
}

inline Argument argument(const void* pointer) {
    return {channel::ArgumentKind::address, reinterpret_cast<std::uint64_t>(pointer)};
}

template <typename T>
requires requires(T value) {
    { value.raw() } -> std::same_as<std::uint64_t>;
}
constexpr Argument argument(T address) { return {channel::ArgumentKind::address, address.raw()}; }

template <typename... Arguments>
[[gnu::always_inline]] inline void write_record(channel::RecordType type, const void* text,
                                                Arguments... arguments) {
    static_assert(sizeof...(Arguments) <= channel::max_arguments,
                  "a record holds four arguments: write two lines");
    std::uint32_t kinds = 0;
    [[maybe_unused]] std::uint32_t bit = 0;
    ((kinds |= static_cast<std::uint32_t>(arguments.kind) << bit, bit += channel::kind_bits), ...);
    this_cpu().records.write([=](channel::Record& record) {
        record.kinds = static_cast<std::uint16_t>(kinds);
        record.type = type;
        record.argument_count = sizeof...(Arguments);
        record.text = text;
        [[maybe_unused]] std::uint64_t* argument = record.arguments;
        ((*argument++ = arguments.value), ...);
    });
}

/// Ends up in the report of a failed test, and in that of any test with `--verbose`.
template <typename... Values>
[[gnu::always_inline]] inline void log(const char* format, const Values&... values) {
    write_record(channel::RecordType::log, format, argument(values)...);
}

inline void skip(const char* reason) { write_record(channel::RecordType::skip, reason); }

}  // namespace nestbed::guest

/// GUEST_LOG("CPU {} saw {:#x}", cpu, value): at most four values.
#define GUEST_LOG(format, ...) ::nestbed::guest::log(format __VA_OPT__(, ) __VA_ARGS__)
