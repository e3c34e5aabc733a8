// Format strings of log lines: the part of {fmt}'s language that a guest may use. The guest checks
// them when it is compiled, the host before it formats: one parser, so that both agree. Whatever it
// takes, {fmt} formats.
#pragma once

#include <cstdint>

#include "record.hpp"

namespace nestbed::channel {

enum class FormatProblem : std::uint8_t {
    none,
    more_fields_than_values,
    more_values_than_fields,
    unmatched_brace,
    numbered_and_unnumbered_fields,
    unknown_specification,
    specification_of_another_type,
    width_taken_from_a_value,
    number_over_999,
};

constexpr const char* text_of(FormatProblem problem) {
    switch (problem) {
        case FormatProblem::none:
            return "no problem";
        case FormatProblem::more_fields_than_values:
            return "a field without a value";
        case FormatProblem::more_values_than_fields:
            return "a value without a field";
        case FormatProblem::unmatched_brace:
            return "a brace alone: {{ and }} are braces";
        case FormatProblem::numbered_and_unnumbered_fields:
            return "fields with and without numbers";
        case FormatProblem::unknown_specification:
            return "a field that is no {NUMBER:FILL-ALIGN-SIGN#0WIDTH.PRECISION-TYPE}";
        case FormatProblem::specification_of_another_type:
            return "a specification for a value of another type";
        case FormatProblem::width_taken_from_a_value:
            return "a width taken from a value";
        case FormatProblem::number_over_999:
            // A width or precision is a length of the text to be made: gigabytes, of a hostile
            // guest.
            return "a number over 999";
    }
    return "?";
}

/// One pass over a format string; see `problem_of`.
class FormatCheck {
  public:
    constexpr FormatCheck(const char* begin, const char* end, const ArgumentKind* kinds,
                          std::uint32_t count)
        : at_(begin), end_(end), kinds_(kinds), count_(count) {}

    constexpr FormatProblem run() {
        while (at_ != end_ && problem_ == FormatProblem::none) {
            const char c = *at_++;
            const bool doubled = at_ != end_ && *at_ == c;
            if ((c == '{' || c == '}') && doubled) {
                ++at_;
            } else if (c == '{') {
                field();
            } else if (c == '}') {
                problem_ = FormatProblem::unmatched_brace;
            }
        }
        const std::uint32_t all = (std::uint32_t{1} << count_) - 1;
        if (problem_ == FormatProblem::none && used_ != all) {
            problem_ = FormatProblem::more_values_than_fields;
        }
        return problem_;
    }

  private:
    /// What may stand in a specification depends on the type, which comes last.
    struct Specification {
        bool sign = false;
        bool alternate = false;
        bool zero = false;
        bool precision = false;
        char type = '\0';
    };

    static constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
    static constexpr bool is_alignment(char c) { return c == '<' || c == '>' || c == '^'; }
    constexpr char peek() const { return at_ != end_ ? *at_ : '\0'; }
    constexpr bool take(char c) {
        const bool is_next = at_ != end_ && *at_ == c;
        at_ += is_next ? 1 : 0;
        return is_next;
    }

    constexpr std::uint32_t number() {
        std::uint32_t value = 0;
        const char* const begin = at_;
        for (; is_digit(peek()); ++at_) {
            value = value * 10 + static_cast<std::uint32_t>(*at_ - '0');
            // {fmt} takes no more than ten digits, zeros in front counted.
            if (value > 999 || at_ - begin == 10) {
                problem_ = FormatProblem::number_over_999;
                return 0;
            }
        }
        return value;
    }

    constexpr void field() {
        const std::uint32_t index = value_index();
        Specification specification;
        if (problem_ == FormatProblem::none && take(':')) {
            specification = parse_specification();
        }
        if (problem_ != FormatProblem::none) {
            return;
        }
        if (!take('}')) {
            problem_ = at_ == end_     ? FormatProblem::unmatched_brace
                       : peek() == '{' ? FormatProblem::width_taken_from_a_value
                                       : FormatProblem::unknown_specification;
        } else if (index >= count_) {
            problem_ = FormatProblem::more_fields_than_values;
        } else if (!suits(specification, kinds_[index])) {
            problem_ = FormatProblem::specification_of_another_type;
        } else {
            used_ |= std::uint32_t{1} << index;
        }
    }

    constexpr std::uint32_t value_index() {
        const bool numbered = is_digit(peek());
        if (numbered ? next_ != 0 : numbered_) {
            problem_ = FormatProblem::numbered_and_unnumbered_fields;
            return 0;
        }
        numbered_ = numbered;
        if (!numbered) {
            return next_++;
        }
        const bool leading_zero = take('0');
        if (leading_zero && is_digit(peek())) {
            problem_ = FormatProblem::unknown_specification;
        }
        return number();
    }

    constexpr Specification parse_specification() {
        Specification result;
        if (end_ - at_ >= 2 && is_alignment(at_[1])) {
            // {fmt} also fills with characters of several bytes.
            const bool can_fill = at_[0] >= ' ' && at_[0] <= '~' && at_[0] != '{' && at_[0] != '}';
            if (!can_fill) {
                problem_ = FormatProblem::unknown_specification;
            }
            at_ += 2;
        } else if (is_alignment(peek())) {
            ++at_;
        }
        if (peek() == '+' || peek() == '-' || peek() == ' ') {
            result.sign = true;
            ++at_;
        }
        result.alternate = take('#');
        result.zero = take('0');
        number();
        if (take('.')) {
            result.precision = true;
            if (!is_digit(peek()) && peek() != '{') {
                problem_ = FormatProblem::unknown_specification;
            }
            number();
        }
        // A zero byte is no type, and is left for who wants a brace there.
        if (peek() != '\0' && peek() != '{' && peek() != '}') {
            result.type = *at_++;
        }
        return result;
    }

    static constexpr bool is_integer_type(char type) {
        return type == 'd' || type == 'x' || type == 'X' || type == 'o' || type == 'b' ||
               type == 'B';
    }

    static constexpr bool suits(const Specification& wanted, ArgumentKind kind) {
        const bool has_flags = wanted.sign || wanted.alternate || wanted.zero;
        const bool is_plain = !has_flags && !wanted.precision;
        switch (kind) {
            case ArgumentKind::string:
                return !has_flags && (wanted.type == '\0' || wanted.type == 's');
            case ArgumentKind::address:
                return is_plain && (wanted.type == '\0' || wanted.type == 'p');
            case ArgumentKind::boolean:
                return is_integer_type(wanted.type)
                           ? !wanted.sign && !wanted.precision
                           : is_plain && (wanted.type == '\0' || wanted.type == 's');
            case ArgumentKind::unsigned_integer:
            case ArgumentKind::signed_integer:
                if (wanted.type == 'c') {
                    return is_plain;
                }
                return (wanted.type == '\0' || is_integer_type(wanted.type)) && !wanted.precision &&
                       (!wanted.sign || kind == ArgumentKind::signed_integer);
        }
        return false;
    }

    const char* at_;
    const char* end_;
    const ArgumentKind* kinds_;
    std::uint32_t count_;
    std::uint32_t next_ = 0;  ///< value of the next field without a number
    std::uint32_t used_ = 0;  ///< values that fields show: bit n is value n
    bool numbered_ = false;   ///< the fields so far have numbers
    FormatProblem problem_ = FormatProblem::none;
};

/// Of the format string [begin, end) with `count` values of these kinds, at most `max_arguments`.
constexpr FormatProblem problem_of(const char* begin, const char* end, const ArgumentKind* kinds,
                                   std::uint32_t count) {
    return FormatCheck(begin, end, kinds, count).run();
}

}  // namespace nestbed::channel
