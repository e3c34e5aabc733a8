// One axis of a study, described once: its option, its values and what they are called in help,
// tables, JSON and benchmark names. What it is given as is a number in every case; a name, a size
// or a time is how that number is written.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <string>
#include <vector>

#include "shared/study/values.hpp"

namespace nestbed::vmm {

struct NamedNumber {
    std::uint64_t number;
    std::string name;
    std::string explanation;
};

/// Of an enumeration's table.
template <study::HasValues Id>
std::vector<NamedNumber> named() {
    std::vector<NamedNumber> result;
    result.reserve(study::values_of<Id>.size());
    for (const auto& value : study::values_of<Id>) {
        result.push_back({static_cast<std::uint64_t>(value.id), value.name, value.explanation});
    }
    return result;
}

struct Axis {
    enum class Kind {
        number,
        name,
        size,     ///< bytes, as "64M"
        seconds,  ///< a time limit; in milliseconds
        flag,     ///< 0, or 1 if it is given
    };
    enum Trait : unsigned {
        list = 1,          ///< takes several values, each of which has rows of its own
        shown = 2 | list,  ///< is a column always; other lists if some row is not at the default
        host_only = 4,     ///< is no parameter of the guest's test
        effort = 8,        ///< says how often or how long, not what is measured
    };

    /// Of the guest's parameter and in JSON; with hyphens, of the option.
    std::string name;
    std::string title = {};  ///< empty: the name, with blanks
    Kind kind = Kind::number;
    std::string help = {};                      ///< without what follows from the rest
    std::vector<std::uint64_t> defaults = {0};  ///< none: the option chooses the study
    unsigned traits = 0;
    std::uint64_t least = 0;  ///< of numbers and sizes
    std::uint64_t most = ~std::uint64_t{0};
    std::uint64_t multiple = 1;  ///< each is one of this; 0: a power of two
    std::vector<NamedNumber> values = {};
    /// Where what is taken by default depends on the host: finds it when it is needed.
    std::function<std::vector<std::uint64_t>()> find_defaults = {};
    std::string defaults_help = {};  ///< then, in words

    bool is(Trait trait) const { return (traits & trait) == trait; }
    std::string option() const;
    std::vector<std::string> words() const;  ///< that the option takes; none if it takes numbers
    std::string heading() const;             ///< of its column
    /// What the option's text stands for. Throws Error(usage) that says what would be right.
    std::vector<std::uint64_t> parse(const std::string& text) const;
    bool is_default(std::uint64_t value) const {
        return !defaults.empty() && value == defaults.front();
    }
    std::string show(std::uint64_t value) const;      ///< as it stands in a table
    std::string in_words(std::uint64_t value) const;  ///< the same in a sentence
    std::string option_help() const;  ///< `help`, range and default, for half a terminal
    std::string values_help() const;  ///< explains the values, a line each; empty without names
};

inline Axis number_axis(std::string name, std::string help, std::uint64_t least, std::uint64_t most,
                        std::vector<std::uint64_t> defaults, unsigned traits = 0) {
    return {.name = std::move(name),
            .kind = Axis::Kind::number,
            .help = std::move(help),
            .defaults = std::move(defaults),
            .traits = traits,
            .least = least,
            .most = most};
}

inline Axis size_axis(std::string name, std::string help, std::uint64_t least, std::uint64_t most,
                      std::uint64_t multiple, std::vector<std::uint64_t> defaults,
                      unsigned traits) {
    Axis axis =
        number_axis(std::move(name), std::move(help), least, most, std::move(defaults), traits);
    axis.kind = Axis::Kind::size;
    axis.multiple = multiple;
    return axis;
}

inline Axis flag_axis(std::string name, std::string help, unsigned traits = 0) {
    Axis axis = number_axis(std::move(name), std::move(help), 0, 1, {0}, traits);
    axis.kind = Axis::Kind::flag;
    return axis;
}

/// vCPUs of each VM. Without Axis::host_only, the guest is told as well.
inline Axis cpus_axis(std::string help, std::uint64_t least, std::uint64_t most,
                      std::vector<std::uint64_t> defaults, unsigned traits) {
    Axis axis =
        number_axis("cpus", std::move(help), least, most, std::move(defaults), Axis::list | traits);
    axis.title = "vCPUs";
    return axis;
}

/// All of `values` by default, if `defaults` has none.
inline Axis name_axis(std::string name, std::string help, std::vector<NamedNumber> values,
                      std::vector<std::uint64_t> defaults, unsigned traits = 0) {
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

/// One whose values are all of an enumeration's.
template <study::HasValues Id>
Axis name_axis(std::string name, std::string help, std::initializer_list<Id> defaults,
               unsigned traits = 0) {
    std::vector<std::uint64_t> numbers;
    for (const Id id : defaults) {
        numbers.push_back(static_cast<std::uint64_t>(id));
    }
    return name_axis(std::move(name), std::move(help), named<Id>(), std::move(numbers), traits);
}

}  // namespace nestbed::vmm
