// Log lines, formatted by the host. A line costs a dozen stores and no exit.
#pragma once

#include <cstdint>
#include <type_traits>

#include "guest/harness/argument.hpp"
#include "guest/kernel/constant_string.hpp"
#include "guest/kernel/cpu.hpp"
#include "shared/channel/format_string.hpp"
#include "shared/channel/record.hpp"

namespace nestbed::guest {

template <typename... Arguments>
[[gnu::always_inline]] inline void write_record(channel::RecordType type, const void* text,
                                                Arguments... arguments) {
    static_assert(sizeof...(Arguments) <= channel::max_arguments);
    std::uint32_t kinds = 0;
    [[maybe_unused]] std::uint32_t bit = 0;
    ((kinds |= static_cast<std::uint32_t>(arguments.kind()) << bit, bit += channel::kind_bits),
     ...);
    this_cpu().records.write([=](channel::Record& record) {
        record.kinds = static_cast<std::uint16_t>(kinds);
        record.type = type;
        record.argument_count = sizeof...(Arguments);
        record.text = text;
        [[maybe_unused]] std::uint64_t* argument = record.arguments;
        ((*argument++ = arguments.value()), ...);
    });
}

/// No constants: a format string that gets here does not compile, and the compiler says the name.
namespace format_problem {
void more_fields_than_values();
void more_values_than_fields();
void unmatched_brace();
void numbered_and_unnumbered_fields();
void unknown_specification();
void specification_of_another_type();
void width_taken_from_a_value();
void number_over_999();
}  // namespace format_problem

consteval void require_none(channel::FormatProblem problem) {
    using channel::FormatProblem;
    switch (problem) {
        case FormatProblem::none:
            return;
        case FormatProblem::more_fields_than_values:
            return format_problem::more_fields_than_values();
        case FormatProblem::more_values_than_fields:
            return format_problem::more_values_than_fields();
        case FormatProblem::unmatched_brace:
            return format_problem::unmatched_brace();
        case FormatProblem::numbered_and_unnumbered_fields:
            return format_problem::numbered_and_unnumbered_fields();
        case FormatProblem::unknown_specification:
            return format_problem::unknown_specification();
        case FormatProblem::specification_of_another_type:
            return format_problem::specification_of_another_type();
        case FormatProblem::width_taken_from_a_value:
            return format_problem::width_taken_from_a_value();
        case FormatProblem::number_over_999:
            return format_problem::number_over_999();
    }
}

/// A constant format string that was checked against the types of its values.
template <typename... Values>
class LogFormat {
    static_assert(sizeof...(Values) <= channel::max_arguments,
                  "a log line has four values: write two lines");
    static_assert((Loggable<std::decay_t<Values>> && ...),
                  "a log line shows integers, booleans, enumerations, pointers, addresses and "
                  "constant strings");

  public:
    consteval explicit LogFormat(const char* text) : text_(text) {
        const char* end = text;
        while (*end != '\0') {
            ++end;
        }
        // One more, for there may be none.
        constexpr channel::ArgumentKind kinds[] = {kind_of<std::decay_t<Values>>()...,
                                                   channel::ArgumentKind::boolean};
        require_none(channel::problem_of(text, end, kinds, sizeof...(Values)));
    }

    constexpr const char* text() const { return text_; }

  private:
    const char* text_;
};

/// The format type for these values; only to be asked for its type.
template <typename... Values>
LogFormat<Values...> log_format(const Values&... values);

template <typename>
struct ArgumentFor {
    using Type = Argument;
};

/// Ends up in the report of a failed test, and in that of any test with `--verbose`.
template <typename... Values>
[[gnu::always_inline]] inline void log(LogFormat<Values...> format,
                                       typename ArgumentFor<Values>::Type... arguments) {
    write_record(channel::RecordType::log, format.text(), arguments...);
}

inline void skip(ConstantString reason) { write_record(channel::RecordType::skip, reason.c_str()); }

}  // namespace nestbed::guest

/// GUEST_LOG("CPU {} saw {:#x}", cpu, value): a constant {fmt} format string, checked by the
/// compiler, and at most four values (guest/harness/argument.hpp).
#define GUEST_LOG(format, ...)                                                        \
    ::nestbed::guest::log(decltype(::nestbed::guest::log_format(__VA_ARGS__))(format) \
                              __VA_OPT__(, ) __VA_ARGS__)
