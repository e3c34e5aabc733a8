#include "vmm/cli/options.hpp"

#include <fmt/format.h>

#include "vmm/base/error.hpp"
#include "vmm/base/text.hpp"

namespace nestbed::vmm {

namespace {

/// CLI11 has no place for an option's words, except in what help prints. The name of a validator
/// that is not asked is none of that; this is how it begins.
constexpr std::string_view offers = "offers ";

std::string first_validator_of(CLI::Option& option) {
    try {
        return option.get_validator(0)->get_name();
    } catch (const CLI::OptionNotFound&) {
        return "";
    }
}

std::vector<std::string> between_bars(std::string_view text) {
    const auto parts = split(text, '|');
    return {parts.begin(), parts.end()};
}

}  // namespace

CLI::Option* add_value(CLI::App* command, const char* name, const char* type, const char* help,
                       const std::function<void(const std::string&)>& parse) {
    return command->add_option_function<std::string>(name, parse, help)->type_name(type);
}

CLI::Option* add_values(CLI::App* command, const char* name, const char* type, const char* help,
                        const std::function<void(const std::string&)>& parse) {
    return add_value(command, name, type, help, parse)
        ->expected(1, -1)          // any number of them,
        ->allow_extra_args(false)  // of one word each: the next one is a guest
        ->trigger_on_parse();
}

void add_flag(CLI::App* command, const std::string& name, const std::string& help,
              const std::function<void()>& called) {
    command->add_flag_callback(name, called, help)->disable_flag_override();
}

CLI::Option* offer(CLI::Option* option, const std::vector<std::string>& words) {
    if (words.empty()) {
        return option;
    }
    CLI::Validator validator;
    validator.name(fmt::format("{}{}", offers, fmt::join(words, "|"))).active(false);
    return option->transform(validator);  // in front of all others
}

std::vector<std::string> offered(CLI::Option& option) {
    const std::string validator = first_validator_of(option);
    if (validator.starts_with(offers)) {
        return between_bars(std::string_view(validator).substr(offers.size()));
    }
    const std::string type = option.get_type_name();
    return type.find('|') == std::string::npos ? std::vector<std::string>() : between_bars(type);
}

}  // namespace nestbed::vmm
