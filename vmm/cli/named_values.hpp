// Options whose values have names: the values of an enumeration, by `name_of`.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "vmm/base/error.hpp"
#include "vmm/cli/values.hpp"

namespace nestbed::vmm {

/// All values of an enumeration whose values are 0 to `count` - 1.
template <typename Id, std::uint64_t count>
std::vector<Id> all_of() {
    std::vector<Id> values;
    for (std::uint64_t n = 0; n < count; ++n) {
        values.push_back(static_cast<Id>(n));
    }
    return values;
}

template <typename Id>
[[noreturn]] void refuse_name(const char* option, const std::string& name,
                              const std::vector<Id>& known) {
    std::vector<std::string> names;
    std::ranges::transform(known, std::back_inserter(names), [](Id id) { return name_of(id); });
    throw_error(ErrorKind::usage, "{} {}: there are {}, all", option, name, fmt::join(names, ", "));
}

/// Names with commas between them; `all` stands for all that there are. Throws Error(bad_input).
template <typename Id>
std::vector<Id> parse_names(const char* option, const std::string& text,
                            const std::vector<Id>& known) {
    std::vector<Id> result;
    for (const std::string& name : split_list(text)) {
        if (name == "all") {
            result.insert(result.end(), known.begin(), known.end());
            continue;
        }
        const auto found = std::ranges::find_if(known, [&](Id id) { return name_of(id) == name; });
        if (found == known.end()) {
            refuse_name(option, name, known);
        }
        result.push_back(*found);
    }
    return result;
}

}  // namespace nestbed::vmm
