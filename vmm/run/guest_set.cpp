#include "vmm/run/guest_set.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "vmm/base/error.hpp"

namespace nestbed::vmm {

namespace {

std::string known_names(std::span<const BuiltinGuest> builtins) {
    std::string names;
    for (const BuiltinGuest& builtin : builtins) {
        names += fmt::format("{}{}", names.empty() ? "" : ", ", builtin.name);
    }
    return names;
}

/// `suite.test` where a guest is wanted: the likeliest mistake, worth an answer of its own.
void refuse_test_name(std::span<const BuiltinGuest> builtins, const std::string& name) {
    const std::string suite = name.substr(0, name.find('.'));
    if (suite != name &&
        std::ranges::find(builtins, suite, &BuiltinGuest::name) != builtins.end()) {
        throw_error(ErrorKind::usage,
                    "{} is not a guest; for the test of that name: {} --filter {}", name, suite,
                    name);
    }
}

}  // namespace

bool runs_only_when_named(std::string_view guest_name) {
    return guest_name == "crash" || guest_name == "calibrate" || guest_name.starts_with("measure_");
}

Guest read_builtin(std::string_view name) {
    const auto builtins = builtin_guests();
    const auto builtin = std::ranges::find(builtins, name, &BuiltinGuest::name);
    if (builtin == builtins.end()) {
        throw_error(ErrorKind::usage, "this program has no built-in guest {}", name);
    }
    return {std::string(builtin->name), builtin->file};
}

GuestSet::GuestSet(std::span<const BuiltinGuest> builtins, const std::vector<std::string>& names) {
    if (names.empty()) {
        for (const BuiltinGuest& builtin : builtins) {
            if (!runs_only_when_named(builtin.name)) {
                add(builtin);
            }
        }
    }
    std::set<std::string_view> seen;
    for (const std::string& name : names) {
        if (!seen.insert(name).second) {
            throw_error(ErrorKind::usage, "the guest {} is named twice", name);
        }
        add_named(builtins, name);
    }
    refuse_ambiguous_tests();
}

GuestSet GuestSet::every_builtin(std::span<const BuiltinGuest> builtins) {
    GuestSet set;
    for (const BuiltinGuest& builtin : builtins) {
        set.add(builtin);
    }
    return set;
}

void GuestSet::add_named(std::span<const BuiltinGuest> builtins, const std::string& name) {
    const auto builtin = std::ranges::find(builtins, name, &BuiltinGuest::name);
    if (builtin != builtins.end()) {
        add(*builtin);
        return;
    }
    if (!std::filesystem::exists(name) && name.find('/') == std::string::npos) {
        refuse_test_name(builtins, name);
        throw_error(ErrorKind::usage,
                    "{}: there is no such file, and no built-in guest of that name (there are: {})",
                    name, known_names(builtins));
    }
    guests_.push_back(Guest::read(name));
}

void GuestSet::refuse_ambiguous_tests() const {
    std::map<std::string, const Guest*> owners;
    for (const Guest& guest : guests_) {
        for (const GuestTest& test : guest.tests()) {
            const auto [owner, is_new] = owners.emplace(test.full_name(), &guest);
            if (!is_new) {
                throw_error(
                    ErrorKind::usage,
                    "there are two tests {}, in {} and in {}: run these guests one at a time",
                    test.full_name(), owner->second->image().name(), guest.image().name());
            }
        }
    }
}

}  // namespace nestbed::vmm
