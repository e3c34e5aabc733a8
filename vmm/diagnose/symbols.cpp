#include "vmm/diagnose/symbols.hpp"

#include <cxxabi.h>
#include <fmt/format.h>
#include <gelf.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace nestbed::vmm {

namespace {

struct Free {
    void operator()(void* memory) const { std::free(memory); }
};

void remove_all(std::string& text, std::string_view part) {
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at)) {
        text.erase(at, part.size());
    }
}

/// The symbols of one table that have an address, as far as they can be read.
void read_symbol_table(Elf* elf, Elf_Scn* section, const GElf_Shdr& header,
                       std::vector<Symbol>& symbols) {
    Elf_Data* data = elf_getdata(section, nullptr);
    if (data == nullptr || header.sh_entsize == 0) {
        return;
    }
    const auto count =
        static_cast<int>(std::min<std::uint64_t>(data->d_size / header.sh_entsize, 1U << 20));
    for (int n = 0; n < count; ++n) {
        GElf_Sym symbol{};
        GElf_Shdr home{};
        if (gelf_getsym(data, n, &symbol) == nullptr || symbol.st_shndx >= SHN_LORESERVE ||
            gelf_getshdr(elf_getscn(elf, symbol.st_shndx), &home) == nullptr) {
            continue;
        }
        const auto type = GELF_ST_TYPE(symbol.st_info);
        const bool is_code = (home.sh_flags & SHF_EXECINSTR) != 0;
        // Assembly labels have neither a type nor a size.
        if (type != STT_FUNC && type != STT_OBJECT && (type != STT_NOTYPE || !is_code)) {
            continue;
        }
        const char* name = elf_strptr(elf, header.sh_link, symbol.st_name);
        if (name == nullptr || *name == '\0') {
            continue;
        }
        const std::uint64_t section_end = home.sh_addr + home.sh_size;
        const std::uint64_t end =
            symbol.st_size == 0 ? section_end : symbol.st_value + symbol.st_size;
        if (end > symbol.st_value) {
            symbols.push_back(
                {readable_symbol(name), symbol.st_value, end, is_code, symbol.st_size != 0});
        }
    }
}

/// Sorts symbols and lets none reach into the next. Of several at one address the first stays.
void make_disjoint(std::vector<Symbol>& symbols) {
    std::ranges::stable_sort(symbols, {}, &Symbol::start);
    std::vector<Symbol> kept;
    for (Symbol& symbol : symbols) {
        if (!kept.empty() && symbol.start < kept.back().end) {
            const bool label_inside = kept.back().has_size && !symbol.has_size;
            if (label_inside || symbol.start == kept.back().start) {
                continue;
            }
            kept.back().end = symbol.start;
        }
        kept.push_back(std::move(symbol));
    }
    symbols = std::move(kept);
}

std::vector<Symbol> read_symbols(Elf* elf) {
    std::vector<Symbol> symbols;
    for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf, section)) != nullptr;) {
        GElf_Shdr header{};
        if (gelf_getshdr(section, &header) != nullptr && header.sh_type == SHT_SYMTAB) {
            read_symbol_table(elf, section, header, symbols);
        }
    }
    make_disjoint(symbols);
    return symbols;
}

std::vector<char> copy_of(std::span<const std::byte> bytes) {
    const auto* begin = reinterpret_cast<const char*>(bytes.data());
    return {begin, begin + bytes.size()};
}

Elf* open_elf(std::vector<char>& file) {
    elf_version(EV_CURRENT);  // before anything else of libelf is used
    return elf_memory(file.data(), file.size());
}

}  // namespace

void Symbols::End::operator()(Elf* elf) const { elf_end(elf); }

Symbols::Symbols(std::span<const std::byte> elf_file)
    : file_(copy_of(elf_file)), elf_(open_elf(file_)), debug_(elf_.get()) {
    if (elf_ != nullptr) {
        symbols_ = read_symbols(elf_.get());
    }
}

const Symbol* Symbols::at(std::uint64_t address) const {
    const auto next = std::ranges::upper_bound(symbols_, address, {}, &Symbol::start);
    if (next == symbols_.begin() || address >= std::prev(next)->end) {
        return nullptr;
    }
    return &*std::prev(next);
}

const Symbol* Symbols::function_at(std::uint64_t address) const {
    const Symbol* symbol = at(address);
    return symbol != nullptr && symbol->is_code ? symbol : nullptr;
}

std::vector<SourcePlace> Symbols::source_of(std::uint64_t address) const {
    auto places = debug_.source_of(address);
    for (SourcePlace& place : places) {
        if (place.function.empty()) {
            const Symbol* symbol = function_at(address);
            place.function = symbol != nullptr ? symbol->name : "?";
        }
    }
    return places;
}

std::string Symbols::name_of(std::uint64_t address) const {
    const Symbol* symbol = at(address);
    if (symbol == nullptr) {
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

std::string readable_symbol(const char* mangled) {
    // The demangler is made for compilers' output; a guest's file may hold anything.
    constexpr std::size_t longest = 1024;
    std::string name(mangled, ::strnlen(mangled, longest));
    if (name.size() < longest) {
        int status = 0;
        const std::unique_ptr<char, Free> demangled(
            abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status));
        if (status == 0 && demangled != nullptr) {
            name = demangled.get();
        }
    }
    remove_all(name, "(anonymous namespace)::");
    remove_all(name, "nestbed::");
    return name;
}

}  // namespace nestbed::vmm
