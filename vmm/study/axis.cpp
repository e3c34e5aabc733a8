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
    const bool all = axis.is(Axis::list) && name == "all";
    std::vector<std::uint64_t> numbers;
    for (const NamedNumber& value : axis.values) {
        if (all || value.name == name) {
            numbers.push_back(value.number);
        }
    }
    if (numbers.empty()) {
        refuse_name(axis.option(), name, axis.words());
    }
    return numbers;
}

/// As it would be written on the command line: "64M" of what is shown as "64 MiB".
std::string option_text(const Axis& axis, std::uint64_t value) {
    if (axis.kind == Axis::Kind::seconds) {
        return fmt::format("{}", static_cast<double>(value) / 1000);
    }
    std::string text = axis.show(value);
    if (axis.kind == Axis::Kind::size) {
        text.erase(text.find(' '), 1);
        text.resize(text.find_first_of("iB"));
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
                                     : "a multiple of " + option_text(axis, axis.multiple),
                option_text(axis, axis.least), option_text(axis, axis.most));
}

}  // namespace

std::string Axis::option() const {
    std::string text = "--" + name;
    std::ranges::replace(text, '_', '-');
    return text;
}

std::vector<std::string> Axis::words() const {
    std::vector<std::string> names;
    std::ranges::transform(values, std::back_inserter(names), &NamedNumber::name);
    if (!names.empty() && is(list)) {
        names.emplace_back("all");
    }
    return names;
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
        for (const std::uint64_t number :
             kind == Kind::name   ? numbers_named(*this, part)
             : kind == Kind::size ? std::vector{parse_size(option(), part)}
                                  : parse_range(option(), part, least, most, is(list))) {
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
    if (find_defaults) {
        parts.push_back("default: " + defaults_help);
    } else if (kind == Kind::name && defaults.size() == values.size()) {
        parts.emplace_back("default all");
    } else if (kind != Kind::flag && !defaults.empty()) {
        std::vector<std::string> texts;
        std::ranges::transform(defaults, std::back_inserter(texts),
                               [&](std::uint64_t value) { return option_text(*this, value); });
        parts.push_back(fmt::format("default {}", fmt::join(texts, ",")));
    }
    const std::string whole =
        parts.empty() ? help : fmt::format("{} ({})", help, fmt::join(parts, "; "));
    return fmt::format("{}", fmt::join(wrapped(whole, 50), "\n"));
}

std::string Axis::values_help() const {
    if (kind != Kind::name) {
        return "";
    }
    std::string text = option() + ":\n";
    std::vector<std::string> bare;
    for (const NamedNumber& value : values) {
        if (value.explanation.empty()) {
            bare.push_back(value.name);
        }
        std::string left = value.name;
        for (const std::string& line : wrapped(value.explanation, 58)) {
            text += fmt::format("  {:<18}  {}\n", std::exchange(left, ""), line);
        }
    }
    for (const std::string& line : wrapped(fmt::to_string(fmt::join(bare, ", ")), 78)) {
        text += "  " + line + "\n";
    }
    return text + "\n";
}

}  // namespace nestbed::vmm
