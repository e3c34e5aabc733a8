// Kernel modules in a folder, and the order in which they must be loaded.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace nestbed::vmm {

/// "kvm_amd" for "kvm-amd" or a path of kvm-amd.ko.xz: the kernel's name for a module.
std::string module_name(const std::filesystem::path& file);

/// The names of the modules that the one in `elf_file` needs, from its `.modinfo` section. Throws
/// Error(no_kvm), naming `path`, if that is no module.
std::vector<std::string> dependencies_in(std::string_view elf_file,
                                         const std::filesystem::path& path);

/// The module's ELF file, unpacked if it is compressed.
std::string read_module(const std::filesystem::path& file);

class ModuleFolder {
  public:
    /// All modules in `folder` and below. Throws Error(no_kvm) if it cannot be read.
    explicit ModuleFolder(const std::filesystem::path& folder);

    /// The files of `name` and of all that it needs, in the order to be loaded. Throws
    /// Error(no_kvm) that names what is missing.
    std::vector<std::filesystem::path> load_order(const std::string& name) const;

  private:
    void append(const std::string& name, const std::string& needed_by,
                std::vector<std::filesystem::path>& order, std::size_t depth) const;

    std::filesystem::path folder_;
    std::map<std::string, std::filesystem::path> files_;  // by module name
};

}  // namespace nestbed::vmm
