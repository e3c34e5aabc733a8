#include "vmm/diagnose/symbols.hpp"

#include <cxxabi.h>
#include <fmt/format.h>
#include <gelf.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string_view>
#include <utility>

namespace nestbed::vmm {

namespace {

void remove_all(std::string& text, std::string_view part) {
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at)) {
        text.erase(at, part.size());
    }
}

/// Gives the module the ELF file that is in memory.
int give_elf(Dwfl_Module*, void** user, const char*, Dwarf_Addr, char**, Elf** elf) {
    *elf = static_cast<Elf*>(*user);
    return -1;
}

/// A guest's file shall not name files of the host.
int find_no_other_file(Dwfl_Module*, void**, const char*, Dwarf_Addr, const char*, const char*,
                       GElf_Word, char**) {
    return -1;
}

constexpr Dwfl_Callbacks callbacks{.find_elf = give_elf,
                                   .find_debuginfo = find_no_other_file,
                                   .section_address = nullptr,
                                   .debuginfo_path = nullptr};

/// Where the file's first segment is: libdwfl takes that for the module's start.
std::optional<std::uint64_t> first_address(Elf* elf) {
    std::size_t count = 0;
    GElf_Phdr header{};
    if (elf == nullptr || elf_getphdrnum(elf, &count) != 0) {
        return std::nullopt;
    }
    for (int n = 0; n < static_cast<int>(count) && gelf_getphdr(elf, n, &header) != nullptr; ++n) {
        if (header.p_type == PT_LOAD) {
            return header.p_vaddr & -header.p_align;
        }
    }
    return std::nullopt;
}

}  // namespace

Symbols::Symbols(std::span<const std::byte> elf_file)
    : file_(elf_file.size()), session_(dwfl_begin(&callbacks)) {
    elf_version(EV_CURRENT);  // before anything else of libelf is used
    std::ranges::copy(elf_file, std::as_writable_bytes(std::span(file_)).begin());
    module_ = report(elf_memory(file_.data(), file_.size()));
}

/// Makes `elf` the session's only module and gives it away.
Dwfl_Module* Symbols::report(Elf* elf) {
    const auto start = first_address(elf);
    if (!start) {
        elf_end(elf);
        return nullptr;
    }
    dwfl_report_begin(session_.get());
    Dwfl_Module* module = dwfl_report_module(session_.get(), "guest", *start,
                                             std::numeric_limits<std::uint64_t>::max());
    void** user = nullptr;
    dwfl_module_info(module, &user, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
    *user = elf;
    dwfl_report_end(session_.get(), nullptr, nullptr);
    GElf_Addr bias = 0;
    dwfl_module_getelf(module, &bias);  // takes it
    return module;
}

std::optional<Symbol> Symbols::at(std::uint64_t address) const {
    GElf_Off offset = 0;
    GElf_Sym symbol{};
    GElf_Word section = 0;
    Elf* elf = nullptr;
    const char* name = module_ == nullptr ? nullptr
                                          : dwfl_module_addrinfo(module_, address, &offset, &symbol,
                                                                 &section, &elf, nullptr);
    GElf_Shdr header{};
    if (name == nullptr || *name == '\0' ||
        gelf_getshdr(elf_getscn(elf, section), &header) == nullptr) {
        return std::nullopt;
    }
    const std::uint64_t start = address - offset;
    const std::uint64_t end =
        symbol.st_size == 0 ? header.sh_addr + header.sh_size : start + symbol.st_size;
    if (address >= end) {
        return std::nullopt;
    }
    return Symbol{readable_symbol(name), start, end, (header.sh_flags & SHF_EXECINSTR) != 0};
}

std::optional<Symbol> Symbols::function_at(std::uint64_t address) const {
    auto symbol = at(address);
    return symbol && symbol->is_code ? std::move(symbol) : std::nullopt;
}

std::vector<SourcePlace> Symbols::source_of(std::uint64_t address) const {
    Dwarf_Addr bias = 0;
    Dwarf* dwarf = module_ == nullptr ? nullptr : dwfl_module_getdwarf(module_, &bias);
    auto places = dwarf == nullptr ? std::vector<SourcePlace>() : source_in(dwarf, address);
    for (SourcePlace& place : places) {
        if (place.function.empty()) {
            const auto symbol = function_at(address);
            place.function = symbol ? symbol->name : "?";
        }
    }
    return places;
}

std::string Symbols::name_of(std::uint64_t address) const {
    const auto symbol = at(address);
    if (!symbol) {
        return fmt::format("{:#x}", address);
    }
    return address == symbol->start
               ? symbol->name
               : fmt::format("{}+{:#x}", symbol->name, address - symbol->start);
}

std::string Symbols::describe(std::uint64_t address) const {
    std::string text;
    for (const SourcePlace& place : source_of(address)) {
        text += fmt::format("{}{} ({}:{})", text.empty() ? "" : ", inlined into ", place.function,
                            place.file, place.line);
    }
    return text.empty() ? name_of(address) : text;
}

std::string bounded(const char* text) {
    constexpr std::size_t longest = 1024;
    return text == nullptr ? "?" : std::string(text, ::strnlen(text, longest));
}

std::string readable_symbol(const char* mangled) {
    std::string name = bounded(mangled);
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> demangled(
        abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status), &std::free);
    if (demangled != nullptr) {
        name = bounded(demangled.get());
    }
    remove_all(name, "(anonymous namespace)::");
    remove_all(name, "nestbed::");
    return name;
}

}  // namespace nestbed::vmm
