#include "vmm/nested/kernel_modules.hpp"

#include <fmt/format.h>
#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <sstream>
#include <utility>

#include "vmm/base/error.hpp"
#include "vmm/base/file.hpp"
#include "vmm/nested/child_output.hpp"

namespace nestbed::vmm {

namespace {

namespace fs = std::filesystem;

/// How a compressed module is unpacked to standard output, by the end of its name.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> unpackers{
    {{".xz", "xz"}, {".zst", "zstd"}, {".gz", "gzip"}}};

bool is_module(const fs::path& path) {
    const std::string name = path.filename();
    return name.ends_with(".ko") || std::ranges::any_of(unpackers, [&](const auto& unpacker) {
               return name.ends_with(".ko" + std::string(unpacker.first));
           });
}

struct ElfEnd {
    void operator()(Elf* elf) const { ::elf_end(elf); }
};

std::optional<std::string_view> section_named(Elf* elf, std::string_view wanted) {
    std::size_t names = 0;
    if (::elf_getshdrstrndx(elf, &names) != 0) {
        return std::nullopt;
    }
    for (Elf_Scn* section = nullptr; (section = ::elf_nextscn(elf, section)) != nullptr;) {
        GElf_Shdr header{};
        if (::gelf_getshdr(section, &header) == nullptr) {
            continue;
        }
        const char* name = ::elf_strptr(elf, names, header.sh_name);
        const Elf_Data* data = ::elf_rawdata(section, nullptr);
        if (name != nullptr && wanted == name && data != nullptr && data->d_buf != nullptr) {
            return std::string_view(static_cast<const char*>(data->d_buf), data->d_size);
        }
    }
    return std::nullopt;
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
    const std::unique_ptr<Elf, ElfEnd> elf(
        ::elf_memory(const_cast<char*>(elf_file.data()), elf_file.size()));
    const auto info = section_named(elf.get(), ".modinfo");
    if (!info) {
        throw_error(ErrorKind::host_lacks, "{} is no kernel module", path.string());
    }
    // Texts "key=value", each ended by a zero byte.
    constexpr std::string_view key = "depends=";
    std::vector<std::string> names;
    std::istringstream texts{std::string(*info)};
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
    for (const auto& [ending, program] : unpackers) {
        if (file.filename().string().ends_with(ending)) {
            return output_of({std::string(program), "-dc", "--", file});
        }
    }
    return read_file(file);
}

ModuleFolder::ModuleFolder(const fs::path& folder) : folder_(folder) {
    std::error_code error;
    fs::recursive_directory_iterator entry(folder, error);
    for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
        if (is_module(entry->path())) {
            files_.emplace(module_name(entry->path()), entry->path());
        }
    }
    if (error) {
        throw_error(ErrorKind::host_lacks, "cannot look for kernel modules in {}: {}",
                    folder.string(), error.message());
    }
}

std::vector<fs::path> ModuleFolder::load_order(const std::string& name) const {
    std::vector<fs::path> order;
    append(module_name(name), "", order, 0);
    return order;
}

void ModuleFolder::append(const std::string& name, const std::string& needed_by,
                          std::vector<fs::path>& order, std::size_t depth) const {
    // Longer than there are modules: they need each other.
    if (depth > files_.size()) {
        throw_error(ErrorKind::host_lacks, "the modules in {} need each other in a circle",
                    folder_.string());
    }
    const auto found = files_.find(name);
    if (found == files_.end()) {
        throw_error(ErrorKind::host_lacks, "there is no module {}{} in {}", name,
                    needed_by.empty() ? "" : fmt::format(" (needed by {})", needed_by),
                    folder_.string());
    }
    if (std::ranges::find(order, found->second) != order.end()) {
        return;
    }
    for (const std::string& dependency :
         dependencies_in(read_module(found->second), found->second)) {
        append(dependency, name, order, depth + 1);
    }
    order.push_back(found->second);
}

}  // namespace nestbed::vmm
