#include "vmm/nested/emulator.hpp"

#include <fmt/format.h>

#include <sstream>

namespace nestbed::vmm {

std::string name_in(const std::string& version_text, const std::string& name,
                    std::string_view before_version) {
    std::istringstream words(version_text);
    for (std::string word; words >> word;) {
        if (word == before_version && words >> word) {
            return name + " " + word;
        }
    }
    return name;
}

std::string kernel_arguments(const NestedSettings& settings) {
    // A panic ends the machine at once. Without no5lvl, a processor that can makes the kernel use
    // five levels, and KVM's second stage with it.
    return fmt::format("console=ttyS0,115200 quiet panic=-1 {}rdinit={} -- {}",
                       settings.five_level ? "" : "no5lvl ", program_path, init_command);
}

}  // namespace nestbed::vmm
