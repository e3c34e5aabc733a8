#include "vmm/run/filter.hpp"

#include <fmt/ranges.h>
#include <fnmatch.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "vmm/base/error.hpp"
#include "vmm/base/near_words.hpp"
#include "vmm/base/text.hpp"

namespace nestbed::vmm {

namespace {

bool is_match(const std::string& pattern, const std::string& name) {
    return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

/// Where exclusions begin: the first `-` that is no range in brackets. No test has one in its name.
std::size_t divider_of(std::string_view argument) {
    bool in_brackets = false;
    for (std::size_t at = 0; at < argument.size(); ++at) {
        if (argument[at] == '-' && !in_brackets) {
            return at;
        }
        in_brackets = argument[at] == '[' || (in_brackets && argument[at] != ']');
    }
    return argument.size();
}

void add_patterns(const std::string& argument, std::string_view part,
                  std::vector<std::string>& patterns) {
    for (const std::string_view pattern : split(part, ':')) {
        if (pattern.empty()) {
            throw_error(ErrorKind::usage, "--filter {}: it has an empty pattern",
                        argument.empty() ? "\"\"" : argument);
        }
        patterns.emplace_back(pattern);
    }
}

/// The tests' names, and those of all tests of a suite.
std::vector<std::string> likely_patterns(const std::vector<const GuestTest*>& tests) {
    std::set<std::string> patterns;
    for (const GuestTest* test : tests) {
        patterns.insert(test->full_name());
        patterns.insert(test->suite + ".*");
    }
    return {patterns.begin(), patterns.end()};
}

}  // namespace

Filter::Filter(const std::vector<std::string>& arguments) {
    std::ranges::for_each(arguments, [&](const std::string& argument) { add(argument); });
}

void Filter::add(const std::string& argument) {
    const std::size_t divider = divider_of(argument);
    std::string_view wanted = std::string_view(argument).substr(0, divider);
    if (divider == argument.size()) {
        add_patterns(argument, wanted, wanted_);
        return;
    }
    // "a.*:-b.*" is the same as "a.*-b.*", and so is a `-` before each exclusion.
    if (wanted.ends_with(':')) {
        wanted.remove_suffix(1);
    }
    if (divider != 0) {
        add_patterns(argument, wanted, wanted_);
    }
    std::vector<std::string> excluded;
    add_patterns(argument, std::string_view(argument).substr(divider + 1), excluded);
    for (const std::string& pattern : excluded) {
        excluded_.push_back(pattern.substr(pattern.starts_with('-') ? 1 : 0));
    }
}

bool Filter::matches(const std::string& full_name) const {
    const auto is_one = [&](const std::string& pattern) { return is_match(pattern, full_name); };
    return (wanted_.empty() || std::ranges::any_of(wanted_, is_one)) &&
           std::ranges::none_of(excluded_, is_one);
}

void Filter::refuse_what_matches_nothing(const std::vector<const GuestTest*>& tests) const {
    const auto refuse = [&](const std::vector<std::string>& patterns, const char* sign) {
        for (const std::string& pattern : patterns) {
            if (std::ranges::none_of(tests, [&](const GuestTest* test) {
                    return is_match(pattern, test->full_name());
                })) {
                throw_error(ErrorKind::usage, "no test matches --filter {}{}{}", sign, pattern,
                            did_you_mean(pattern, likely_patterns(tests)));
            }
        }
    };
    refuse(wanted_, "");
    refuse(excluded_, "-");
}

TagFilter::TagFilter(const std::vector<std::string>& arguments) {
    std::ranges::for_each(arguments, [&](const std::string& argument) { add(argument); });
}

void TagFilter::add(const std::string& argument) {
    for (std::string_view tag : split(argument, ',')) {
        const bool excludes = tag.starts_with('-');
        tag.remove_prefix(excludes ? 1 : 0);
        if (tag.empty()) {
            throw_error(ErrorKind::usage, "--tag {}: it has an empty tag",
                        argument.empty() ? "\"\"" : argument);
        }
        (excludes ? excluded_ : wanted_).emplace_back(tag);
    }
}

bool TagFilter::matches(const std::vector<std::string>& tags) const {
    const auto is_there = [&](const std::string& tag) {
        return std::ranges::find(tags, tag) != tags.end();
    };
    return (wanted_.empty() || std::ranges::any_of(wanted_, is_there)) &&
           std::ranges::none_of(excluded_, is_there);
}

void TagFilter::refuse_what_matches_nothing(const std::vector<const GuestTest*>& tests) const {
    std::set<std::string> known;
    for (const GuestTest* test : tests) {
        known.insert(test->tags.begin(), test->tags.end());
    }
    for (const auto* tags : {&wanted_, &excluded_}) {
        for (const std::string& tag : *tags) {
            if (!known.contains(tag)) {
                throw_error(ErrorKind::usage, "no test here has the tag {}{} (there {})", tag,
                            did_you_mean(tag, {known.begin(), known.end()}),
                            known.empty() ? "is none that has any"
                                          : fmt::format("are: {}", fmt::join(known, ", ")));
            }
        }
    }
}

}  // namespace nestbed::vmm
