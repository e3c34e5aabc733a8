#include "vmm/nested/kernel_modules.hpp"

#include <fmt/format.h>
#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <sstream>

#include "vmm/base/error.hpp"
#include "vmm/base/file.hpp"
#include "vmm/nested/child_process.hpp"

namespace nestbed::vmm {

namespace {

namespace fs = std::filesystem;

/// What unpacks a compressed module to standard output, by the extension of its name.
const std::map<std::string, std::string> unpackers{
    {".xz", "xz"}, {".zst", "zstd"}, {".gz", "gzip"}};

bool is_module(const fs::path& path) {
    const fs::path unpacked = unpackers.contains(path.extension()) ? path.stem() : path;
    return unpacked.extension() == ".ko";
}

/// The section `.modinfo`; empty if there is none, or if libelf cannot tell the sections' names.
std::string_view modinfo_in(Elf* elf) {
    std::size_t names = 0;
    if (::elf_kind(elf) != ELF_K_ELF || ::elf_getshdrstrndx(elf, &names) != 0) {
        return {};
    }
    for (Elf_Scn* section = nullptr; (section = ::elf_nextscn(elf, section)) != nullptr;) {
        GElf_Shdr header{};
        const char* name = ::gelf_getshdr(section, &header) != nullptr
                               ? ::elf_strptr(elf, names, header.sh_name)
                               : nullptr;
        const Elf_Data* data = ::elf_rawdata(section, nullptr);
        if (name != nullptr && std::string_view(name) == ".modinfo" && data != nullptr &&
            data->d_buf != nullptr) {
            return {static_cast<const char*>(data->d_buf), data->d_size};
        }
    }
    return {};
}

/// All in `folder` and below, by their names.
std::map<std::string, fs::path> modules_in(const fs::path& folder) {
    std::map<std::string, fs::path> modules;
    try {
        for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
            if (is_module(entry.path())) {
                modules.emplace(module_name(entry.path()), entry.path());
            }
        }
    } catch (const fs::filesystem_error& error) {
        throw_error(ErrorKind::host_lacks, "cannot look for kernel modules in {}: {}",
                    folder.string(), error.code().message());
    }
    return modules;
}

}  // namespace

std::string module_name(const fs::path& file) {
    std::string name = file.filename();
    name.erase(std::min(name.find(".ko"), name.size()));
    std::ranges::replace(name, '-', '_');
    return name;
}

std::vector<std::string> dependencies_in(std::string_view elf_file, const fs::path& path) {
    ::elf_version(EV_CURRENT);
    // libelf does not write to what it only reads.
    const std::unique_ptr<Elf, int (*)(Elf*)> elf(
        ::elf_memory(const_cast<char*>(elf_file.data()), elf_file.size()), ::elf_end);
    const std::string_view info = modinfo_in(elf.get());
    if (info.empty()) {
        throw_error(ErrorKind::host_lacks, "{} is no kernel module", path.string());
    }
    // Texts "key=value", each ended by a zero byte.
    constexpr std::string_view key = "depends=";
    std::vector<std::string> names;
    std::istringstream texts{std::string(info)};
    for (std::string text; std::getline(texts, text, '\0');) {
        if (text.starts_with(key)) {
            std::istringstream list(text.substr(key.size()));
            for (std::string name; std::getline(list, name, ',');) {
                names.push_back(module_name(name));
            }
        }
    }
    return names;
}

std::string read_module(const fs::path& file) {
    const auto unpacker = unpackers.find(file.extension());
    return unpacker == unpackers.end() ? read_file(file, ErrorKind::input)
                                       : output_of({unpacker->second, "-dc", "--", file});
}

std::vector<fs::path> modules_to_load(const fs::path& folder, const std::string& wanted) {
    const std::map<std::string, fs::path> modules = modules_in(folder);
    std::vector<fs::path> order;
    using Append = std::function<void(const std::string&, const std::string&, std::size_t)>;
    const Append append = [&](const std::string& name, const std::string& needed_by,
                              std::size_t depth) {
        // Longer than there are modules: they need each other.
        if (depth > modules.size()) {
            throw_error(ErrorKind::host_lacks, "the modules in {} need each other in a circle",
                        folder.string());
        }
        const auto found = modules.find(name);
        if (found == modules.end()) {
            throw_error(ErrorKind::host_lacks, "there is no module {}{} in {}", name,
                        needed_by.empty() ? "" : fmt::format(" (needed by {})", needed_by),
                        folder.string());
        }
        const fs::path& file = found->second;
        if (std::ranges::find(order, file) != order.end()) {
            return;
        }
        for (const std::string& dependency : dependencies_in(read_module(file), file)) {
            append(dependency, name, depth + 1);
        }
        order.push_back(file);
    };
    append(module_name(wanted), "", 0);
    return order;
}

}  // namespace nestbed::vmm
