#include "vmm/diagnose/symbols.hpp"

#include <cxxabi.h>
#include <fmt/format.h>
#include <gelf.h>

#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

namespace nestbed::vmm {

namespace {

void remove_all(std::string& text, std::string_view part) {
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at)) {
        text.erase(at, part.size());
    }
}

}  // namespace

Symbols::Symbols(std::span<const std::byte> elf_file)
    : file_(reinterpret_cast<const char*>(elf_file.data()), elf_file.size()) {
    // A guest's file shall not name files of the host.
    static constexpr Dwfl_Callbacks callbacks{
        .find_elf = nullptr,
        .find_debuginfo = [](Dwfl_Module*, void**, const char*, Dwarf_Addr, const char*,
                             const char*, GElf_Word, char**) { return -1; },
        .section_address = nullptr,
        .debuginfo_path = nullptr};
    if (!file_.starts_with(ELFMAG)) {
        return;  // libdwfl would unpack it
    }
    elf_version(EV_CURRENT);  // before anything else of libelf is used
    session_.reset(dwfl_begin(&callbacks));
    dwfl_report_begin(session_.get());
    module_ =
        dwfl_report_offline_memory(session_.get(), "guest", "guest", file_.data(), file_.size());
    dwfl_report_end(session_.get(), nullptr, nullptr);
}

std::optional<Symbol> Symbols::at(std::uint64_t address) const {
    GElf_Off offset = 0;
    GElf_Sym symbol{};
    GElf_Word section = 0;
    Elf* elf = nullptr;
    const char* name =
        dwfl_module_addrinfo(module_, address, &offset, &symbol, &section, &elf, nullptr);
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

std::string Symbols::name_of(std::uint64_t address) const {
    const auto symbol = at(address);
    if (!symbol) {
        return fmt::format("{:#x}", address);
    }
    return address == symbol->start
               ? symbol->name
               : fmt::format("{}+{:#x}", symbol->name, address - symbol->start);
}

std::string Symbols::source_text(std::uint64_t address, std::string_view separator) const {
    std::vector<std::string> texts;
    for (const SourcePlace& place : source_of(address)) {
        texts.push_back(fmt::format("{} ({}:{})", place.function, place.file, place.line));
    }
    return fmt::format("{}", fmt::join(texts, separator));
}

std::string Symbols::describe(std::uint64_t address) const {
    const std::string text = source_text(address, ", inlined into ");
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
