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

/// The number of a name, or those of "all".
std::vector<std::uint64_t> numbers_named(const Axis& axis, std::string_view name) {
    std::vector<std::uint64_t> numbers;
    std::vector<std::string> names;
    const bool all = axis.is(Axis::list) && name == "all";
    for (const NamedNumber& value : axis.values) {
        names.push_back(value.name);
        if (all || value.name == name) {
            numbers.push_back(value.number);
        }
    }
    if (numbers.empty()) {
        throw_error(ErrorKind::usage, "{} {}: there are {}{}", axis.option(), name,
                    fmt::join(names, ", "), axis.is(Axis::list) ? ", all" : "");
    }
    return numbers;
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

void refuse_unfit(const Axis& axis, std::string_view text, std::uint64_t value) {
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

/// Of one of the texts that a list is made of.
std::vector<std::uint64_t> numbers_of(const Axis& axis, std::string_view text) {
    switch (axis.kind) {
        case Axis::Kind::name:
            return numbers_named(axis, text);
        case Axis::Kind::size:
            return {parse_size(axis.option(), text)};
        default:
            return parse_range(axis.option(), text, axis.least, axis.most, axis.is(Axis::list));
    }
}

}  // namespace

std::string Axis::option() const {
    std::string text = "--" + name;
    std::ranges::replace(text, '_', '-');
    return text;
}

std::string Axis::heading() const {
    std::string text = title.empty() ? name : title;
    std::ranges::replace(text, '_', ' ');
    return text;
}

std::vector<std::uint64_t> Axis::parse(const std::string& text) const {
    if (kind == Kind::seconds) {
        return {static_cast<std::uint64_t>(parse_seconds(option(), text).count())};
    }
    std::vector<std::uint64_t> numbers;
    for (const std::string_view part :
         is(list) ? split(text, ',') : std::vector<std::string_view>{text}) {
        for (const std::uint64_t number : numbers_of(*this, part)) {
            refuse_unfit(*this, part, number);
            // It would be measured twice.
            if (std::ranges::count(numbers, number) != 0) {
                throw_error(ErrorKind::usage, "{} {}: {} is there twice", option(), text,
                            option_text(*this, number));
            }
            numbers.push_back(number);
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
    std::string noun = heading();
    if (kind != Kind::number || !noun.ends_with('s')) {
        return fmt::format("{} {}", noun, show(value));
    }
    noun.pop_back();
    return counted(value, noun);
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

Axis number_axis(std::string name, std::string help, std::uint64_t least, std::uint64_t most,
                 std::vector<std::uint64_t> defaults, unsigned traits) {
    return {.name = std::move(name),
            .kind = Axis::Kind::number,
            .help = std::move(help),
            .defaults = std::move(defaults),
            .traits = traits,
            .least = least,
            .most = most};
}

Axis name_axis(std::string name, std::string help, std::vector<NamedNumber> values,
               std::vector<std::uint64_t> defaults, unsigned traits) {
    if (defaults.empty()) {
        std::ranges::transform(values, std::back_inserter(defaults), &NamedNumber::number);
    }
    return {.name = std::move(name),
            .kind = Axis::Kind::name,
            .help = std::move(help),
            .defaults = std::move(defaults),
            .traits = traits,
            .values = std::move(values)};
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
    Axis axis = number_axis(std::move(name), std::move(help), 0, 1, {0}, traits);
    axis.kind = Axis::Kind::flag;
    return axis;
}

}  // namespace nestbed::vmm
