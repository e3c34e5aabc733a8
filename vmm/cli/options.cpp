#include "vmm/cli/options.hpp"

#include <algorithm>

#include "vmm/error.hpp"

namespace nestbed::vmm {

CLI::Option* add_value(CLI::App* command, const char* name, const char* type, const char* help,
                       const std::function<void(const std::string&)>& parse) {
    return command->add_option_function<std::string>(name, parse, help)->type_name(type);
}

CLI::Option* add_values(CLI::App* command, const char* name, const char* type, const char* help,
                        const std::function<void(const std::string&)>& parse) {
    return command
        ->add_option_function<std::vector<std::string>>(
            name,
            [parse](const std::vector<std::string>& texts) { std::ranges::for_each(texts, parse); },
            help)
        ->type_name(type)
        // One word each: the next one is a guest.
        ->allow_extra_args(false);
}

Backing parse_backing(const std::string& text) {
    const auto backing = backing_from_name(text);
    if (!backing) {
        throw_error(ExitCode::bad_input, "--backing {}: must be 4k, thp or hugetlb", text);
    }
    return *backing;
}

Format parse_format(const std::string& text) {
    for (const auto& [name, format] : formats) {
        if (name == text) {
            return format;
        }
    }
    throw_error(ExitCode::bad_input, "--format {}: must be human, json, junit or tap", text);
}

NestedPaging parse_nested_paging(const std::string& text) {
    for (const auto& [name, paging] : nested_pagings) {
        if (name == text) {
            return paging;
        }
    }
    throw_error(ExitCode::bad_input, "--paging {}: must be npt, shadow or ept", text);
}

}  // namespace nestbed::vmm
