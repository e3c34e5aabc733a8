#include "vmm/study/axis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <iterator>
#include <utility>

#include "vmm/base/error.hpp"
#include "vmm/base/text.hpp"
#include "vmm/base/values.hpp"

namespace nestbed::vmm {

namespace {

[[noreturn]] void refuse_name(const Axis& axis, const std::string& name) {
    std::vector<std::string> names;
    std::ranges::transform(axis.values, std::back_inserter(names), &NamedNumber::name);
    throw_error(ErrorKind::usage, "{} {}: there are {}{}", axis.option(), name,
                fmt::join(names, ", "), axis.is(Axis::list) ? ", all" : "");
}

void append_names(const Axis& axis, const std::string& name, std::vector<std::uint64_t>& numbers) {
    if (axis.is(Axis::list) && name == "all") {
        std::ranges::transform(axis.values, std::back_inserter(numbers), &NamedNumber::number);
        return;
    }
    const auto found = std::ranges::find(axis.values, name, &NamedNumber::name);
    if (found == axis.values.end()) {
        refuse_name(axis, name);
    }
    numbers.push_back(found->number);
}

std::string size_option_text(std::uint64_t bytes) {
    for (const auto& [letter, shift] : {std::pair{'G', 30U}, {'M', 20U}, {'K', 10U}}) {
        if (bytes >> shift != 0 && bytes % (std::uint64_t{1} << shift) == 0) {
            return fmt::format("{}{}", bytes >> shift, letter);
        }
    }
    return fmt::format("{}", bytes);
}

/// As it would be written on the command line.
std::string option_text(const Axis& axis, std::uint64_t value) {
    switch (axis.kind) {
        case Axis::Kind::size:
            return size_option_text(value);
        case Axis::Kind::seconds:
            return fmt::format("{}", static_cast<double>(value) / 1000);
        default:
            return axis.show(value);
    }
}

std::string value_line(const NamedNumber& value) {
    constexpr std::size_t columns = 58;
    std::string text;
    std::string name = value.name;
    for (const std::string& line : wrapped(value.explanation, columns)) {
        text += fmt::format("  {:<18}  {}\n", std::exchange(name, ""), line);
    }
    return text;
}

void refuse_unfit(const Axis& axis, const std::string& text, std::uint64_t value) {
    const bool fits = axis.multiple == 0 ? std::has_single_bit(value) : value % axis.multiple == 0;
    if (value >= axis.least && value <= axis.most && fits) {
        return;
    }
    throw_error(ErrorKind::usage, "{} {}: it is {} from {} to {}", axis.option(), text,
                axis.multiple == 0   ? "a power of two"
                : axis.multiple == 1 ? "a size"
                                     : "a multiple of " + size_option_text(axis.multiple),
                option_text(axis, axis.least), option_text(axis, axis.most));
}

void append_numbers(const Axis& axis, const std::string& text,
                    std::vector<std::uint64_t>& numbers) {
    for (const std::uint64_t number :
         parse_range(axis.option(), text, axis.least, axis.most, axis.is(Axis::list))) {
        refuse_unfit(axis, text, number);
        numbers.push_back(number);
    }
}

}  // namespace

std::string Axis::option() const {
    std::string text = "--" + name;
    std::ranges::replace(text, '_', '-');
    return text;
}

std::vector<std::uint64_t> Axis::parse(const std::string& text) const {
    if (kind == Kind::seconds) {
        return {static_cast<std::uint64_t>(parse_seconds(option(), text).count())};
    }
    std::vector<std::uint64_t> numbers;
    for (const std::string& part : is(list) ? split_list(text) : std::vector{text}) {
        if (kind == Kind::name) {
            append_names(*this, part, numbers);
        } else if (kind == Kind::size) {
            numbers.push_back(parse_size(option(), part));
            refuse_unfit(*this, part, numbers.back());
        } else {
            append_numbers(*this, part, numbers);
        }
    }
    // A value that is given twice would be measured twice.
    for (auto number = numbers.begin(); number != numbers.end(); ++number) {
        if (std::find(std::next(number), numbers.end(), *number) != numbers.end()) {
            throw_error(ErrorKind::usage, "{} {}: {} is there twice", option(), text,
                        option_text(*this, *number));
        }
    }
    return numbers;
}

bool Axis::is_default(std::uint64_t value) const {
    return !defaults.empty() && value == defaults.front();
}

std::string Axis::show(std::uint64_t value) const {
    if (kind == Kind::name) {
        const auto found = std::ranges::find(values, value, &NamedNumber::number);
        return found == values.end() ? "?" : found->name;
    }
    return kind == Kind::size ? size_text(value) : fmt::format("{}", value);
}

std::string Axis::in_words(std::uint64_t value) const {
    // "2 pages", "target user".
    const bool counts = kind == Kind::number && title.ends_with('s');
    return counts ? counted(value, std::string_view(title).substr(0, title.size() - 1))
                  : fmt::format("{} {}", title, show(value));
}

std::string Axis::option_help() const {
    std::vector<std::string> parts;
    if ((kind == Kind::number || kind == Kind::size) && most != ~std::uint64_t{0}) {
        parts.push_back(
            fmt::format("{} to {}", option_text(*this, least), option_text(*this, most)));
    }
    std::vector<std::string> texts;
    std::ranges::transform(defaults, std::back_inserter(texts),
                           [&](std::uint64_t value) { return option_text(*this, value); });
    if (find_defaults) {
        parts.push_back("default: " + defaults_help);
    } else if (kind == Kind::name && texts.size() == values.size()) {
        parts.emplace_back("default all");
    } else if (kind != Kind::flag && !texts.empty()) {
        parts.push_back(fmt::format("default {}", fmt::join(texts, ",")));
    }
    constexpr std::size_t columns = 50;
    const std::string whole =
        parts.empty() ? help : fmt::format("{} ({})", help, fmt::join(parts, "; "));
    return fmt::format("{}", fmt::join(wrapped(whole, columns), "\n"));
}

std::string Axis::values_help() const {
    if (kind != Kind::name) {
        return "";
    }
    std::string text = fmt::format("{}:\n", option());
    std::string bare;
    for (const NamedNumber& value : values) {
        if (value.explanation.empty()) {
            bare += (bare.empty() ? "" : ", ") + value.name;
        } else {
            text += value_line(value);
        }
    }
    for (const std::string& line : wrapped(bare, 78)) {
        text += "  " + line + "\n";
    }
    return text + "\n";
}

namespace {

Axis axis_called(std::string name, std::string title, Axis::Kind kind, std::string help) {
    if (title.empty()) {
        title = name;
        std::ranges::replace(title, '_', ' ');
    }
    Axis axis;
    axis.name = std::move(name);
    axis.title = std::move(title);
    axis.kind = kind;
    axis.help = std::move(help);
    return axis;
}

}  // namespace

Axis number_axis(std::string name, std::string help, std::uint64_t least, std::uint64_t most,
                 std::vector<std::uint64_t> defaults, unsigned traits, std::string title) {
    Axis axis = axis_called(std::move(name), std::move(title), Axis::Kind::number, std::move(help));
    axis.least = least;
    axis.most = most;
    axis.defaults = std::move(defaults);
    axis.traits = traits;
    return axis;
}

Axis name_axis(std::string name, std::string help, std::vector<NamedNumber> values,
               std::vector<std::uint64_t> defaults, unsigned traits, std::string title) {
    Axis axis = axis_called(std::move(name), std::move(title), Axis::Kind::name, std::move(help));
    axis.values = std::move(values);
    axis.defaults = std::move(defaults);
    axis.traits = traits;
    if (axis.defaults.empty()) {
        std::ranges::transform(axis.values, std::back_inserter(axis.defaults),
                               &NamedNumber::number);
    }
    return axis;
}

Axis size_axis(std::string name, std::string help, std::uint64_t least, std::uint64_t most,
               std::uint64_t multiple, std::vector<std::uint64_t> defaults, unsigned traits) {
    Axis axis =
        number_axis(std::move(name), std::move(help), least, most, std::move(defaults), traits);
    axis.kind = Axis::Kind::size;
    axis.multiple = multiple;
    return axis;
}

Axis flag_axis(std::string name, std::string help, unsigned traits) {
    Axis axis = axis_called(std::move(name), {}, Axis::Kind::flag, std::move(help));
    axis.most = 1;
    axis.traits = traits;
    return axis;
}

}  // namespace nestbed::vmm
