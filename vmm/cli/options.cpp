#include "vmm/cli/options.hpp"

#include "vmm/base/error.hpp"

namespace nestbed::vmm {

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

}  // namespace nestbed::vmm
