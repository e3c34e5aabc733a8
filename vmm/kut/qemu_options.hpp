// QEMU's command line, as far as kvm-unit-tests uses it: its words to what a machine of ours can be
// given. An option that asks for a machine which we have not got is refused, none is passed over.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/loader/pc_settings.hpp"

namespace nestbed::vmm {

struct QemuRequest {
    enum class Kind {
        machine,  ///< to run `kernel`
        help,
        version,
        devices,  ///< which there are
    };

    Kind kind = Kind::machine;
    PcSettings pc{.cpu = {.name = "qemu64"}};
    std::string kernel = {};                 ///< empty: none was named
    std::string initrd = {};                 ///< the file that is to be pc.environment, or empty
    std::vector<std::string> warnings = {};  ///< each a line with the word "warning" in it
};

/// `words` are what follows the program's name. Throws Error(usage) whose text can be the reason of
/// a skipped test. CPU models and their features are for cpuid_of() to know.
QemuRequest read_qemu_options(std::span<const std::string> words);

/// What the machine has of QEMU's devices, in QEMU's way of listing them (`-device help`).
std::string qemu_device_list();

}  // namespace nestbed::vmm
