// Kernel modules in a folder, and the order in which they must be loaded.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace nestbed::vmm {

/// "kvm_amd" for "kvm-amd" or a path of kvm-amd.ko.xz: the kernel's name for a module.
std::string module_name(const std::filesystem::path& file);

/// The names of the modules that the one in `elf_file` needs, from its `.modinfo` section. Throws
/// Error(host_lacks), naming `path`, if that is no module.
std::vector<std::string> dependencies_in(std::string_view elf_file,
                                         const std::filesystem::path& path);

/// The module's ELF file, unpacked if it is compressed.
std::string read_module(const std::filesystem::path& file);

/// The files of the module `wanted` and of all that it needs, in the order to be loaded, from
/// `folder` and below. Throws Error(host_lacks) that names what is missing.
std::vector<std::filesystem::path> modules_to_load(const std::filesystem::path& folder,
                                                   const std::string& wanted);

}  // namespace nestbed::vmm
