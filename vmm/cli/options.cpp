#include "vmm/cli/options.hpp"

#include <algorithm>

#include "vmm/base/error.hpp"
#include "vmm/study/axis.hpp"

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

void add_flag(CLI::App* command, const std::string& name, const std::string& help,
              const std::function<void()>& called) {
    command->add_flag_callback(name, called, help)->disable_flag_override();
}

void add_filter_option(CLI::App* command, const char* help, std::vector<std::string>& filters) {
    add_values(command, "--filter", "GLOB", help, [&](const std::string& text) {
        if (text.empty()) {
            throw_error(ErrorKind::usage, "--filter: empty, it would select nothing");
        }
        filters.push_back(text);
    });
}

void add_backing_option(CLI::App* command, Backing& kind) {
    add_value(command, "--backing", "KIND",
              "Host pages behind guest memory: anon (default; 4 KiB), thp, memfd,\n"
              "hugetlb-2m or hugetlb-1g (docs/guest-memory.md)",
              [&](const std::string& text) {
                  const Axis axis = name_axis<Backing>("backing", {}, {});
                  kind = static_cast<Backing>(axis.parse(text).front());
              });
}

void add_backing_options(CLI::App* command, BackingSettings& settings) {
    add_backing_option(command, settings.kind);
    add_flag(command, "--prefault", "The host populates all of it before the guest runs",
             [&] { settings.prefault = true; });
}

}  // namespace nestbed::vmm
