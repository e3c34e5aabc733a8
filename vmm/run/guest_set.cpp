#include "vmm/run/guest_set.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <ranges>
#include <set>

#include "vmm/base/error.hpp"
#include "vmm/base/near_words.hpp"

namespace nestbed::vmm {

namespace {

/// Null if there is none of that name.
const BuiltinGuest* builtin_named(std::string_view name) {
    const auto builtins = builtin_guests();
    const auto found = std::ranges::find(builtins, name, &BuiltinGuest::name);
    return found == builtins.end() ? nullptr : &*found;
}

Guest read(const BuiltinGuest& builtin) { return {std::string(builtin.name), builtin.file}; }

[[noreturn]] void refuse_name(const std::string& name) {
    // The test's where a guest's is wanted: the likeliest mistake, worth an answer of its own.
    const std::string suite = name.substr(0, name.find('.'));
    if (suite != name && builtin_named(suite) != nullptr) {
        throw_error(ErrorKind::usage,
                    "{} is not a guest; for the test of that name: {} --filter {}", name, suite,
                    name);
    }
    std::vector<std::string> known;
    std::ranges::transform(builtin_guests(), std::back_inserter(known),
                           [](const BuiltinGuest& guest) { return std::string(guest.name); });
    throw_error(ErrorKind::usage,
                "{}: there is no such file, and no built-in guest of that name{} (there are: {})",
                name, did_you_mean(name, known), fmt::join(known, ", "));
}

Guest read_named(const std::string& name) {
    if (const BuiltinGuest* builtin = builtin_named(name)) {
        return read(*builtin);
    }
    if (!std::filesystem::exists(name) && name.find('/') == std::string::npos) {
        refuse_name(name);
    }
    return Guest::read(name);
}

void refuse_ambiguous_tests(const GuestSet& guests) {
    struct Owner {
        const Guest* guest;
        const GuestTest* test;
    };
    std::map<std::string, Owner> owners;
    for (const Guest& guest : guests) {
        for (const GuestTest& test : guest.tests()) {
            const auto [known, is_new] = owners.emplace(test.full_name(), Owner{&guest, &test});
            if (is_new) {
                continue;
            }
            const Owner& other = known->second;
            if (other.guest == &guest) {
                throw_error(ErrorKind::input,
                            "{}: there are two tests {}, at {}:{} and at {}:{}: "
                            "rename one",
                            guest.name(), test.full_name(), other.test->file, other.test->line,
                            test.file, test.line);
            }
            throw_error(ErrorKind::usage,
                        "there are two tests {}, in {} and in {}: run these guests one at a time",
                        test.full_name(), other.guest->name(), guest.name());
        }
    }
}

}  // namespace

Guest read_builtin(std::string_view name) {
    const BuiltinGuest* builtin = builtin_named(name);
    if (builtin == nullptr) {
        throw_error(ErrorKind::usage, "this program has no built-in guest {}", name);
    }
    return read(*builtin);
}

GuestSet guests_named(const std::vector<std::string>& names) {
    GuestSet guests;
    if (names.empty()) {
        for (const BuiltinGuest& builtin : builtin_guests()) {
            if (builtin.is_suite) {
                guests.push_back(read(builtin));
            }
        }
    }
    std::set<std::string_view> seen;
    for (const std::string& name : names) {
        if (!seen.insert(name).second) {
            throw_error(ErrorKind::usage, "the guest {} is named twice", name);
        }
        guests.push_back(read_named(name));
    }
    refuse_ambiguous_tests(guests);
    return guests;
}

GuestSet every_builtin_guest() {
    GuestSet guests;
    std::ranges::transform(builtin_guests(), std::back_inserter(guests), read);
    return guests;
}

}  // namespace nestbed::vmm
