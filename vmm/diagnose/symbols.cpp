#include "vmm/diagnose/symbols.hpp"

#include <cxxabi.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fmt/format.h>
#include <gelf.h>

#include <algorithm>
#include <csetjmp>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <unordered_map>
#include <utility>

// What libdwfl calls to fetch files from a debuginfod server, as it is in an elfutils that was
// built without one. The other kind loads a shared library of the host, which no static program
// should; nothing here calls it, but it would be linked in (with dlopen, of which the linker
// warns).
extern "C" {
int __libdwfl_debuginfod_find_executable(Dwfl*, const unsigned char*, std::size_t) { return -1; }
int __libdwfl_debuginfod_find_debuginfo(Dwfl*, const unsigned char*, std::size_t) { return -1; }
void __libdwfl_debuginfod_end(void*) {}
}

// libstdc++'s, which declares it nowhere, and has it in its archive only: abi::__cxa_demangle()
// that hands the text over piece by piece. Weak: programs that are linked with the shared library
// (tests) have not got it.
extern "C" [[gnu::weak]] int __gcclibcxx_demangle_callback(
    const char* mangled, void (*take)(const char*, std::size_t, void*), void* taker);

namespace nestbed::vmm {

namespace {

/// Of a string in the file, as it is shown.
constexpr std::size_t longest = 1024;

/// The first kibibyte of a string in the file; "?" for null.
std::string bounded(const char* text) {
    return text == nullptr ? "?" : std::string(text, ::strnlen(text, longest));
}

/// The start of the text that a mangled name stands for, and where to go when there is enough of
/// it.
struct Demangled {
    std::jmp_buf enough;
    std::string text;
};

/// False if the name stands for nothing. One of a few hundred characters can stand for gigabytes,
/// each part of it for two of the part before: only what is shown is made of it.
bool demangle(const std::string& mangled, Demangled& start) {
    if (__gcclibcxx_demangle_callback == nullptr) {
        int status = 0;
        const std::unique_ptr<char, decltype(&std::free)> all(
            abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status), &std::free);
        start.text = all ? all.get() : "";
        return all != nullptr;
    }
    // The demangler is C and holds nothing, and there is no other way to stop it.
    const auto add = [](const char* piece, std::size_t size, void* to) {
        auto& all = *static_cast<Demangled*>(to);
        all.text.append(piece, size);
        if (all.text.size() >= longest) {
            std::longjmp(all.enough, 1);
        }
    };
    return setjmp(start.enough) != 0 ||
           __gcclibcxx_demangle_callback(mangled.c_str(), add, &start) == 0;
}

/// The DIE that `attribute` of `die` refers to, or `die` itself if it has none.
Dwarf_Die referred_by(Dwarf_Die die, unsigned attribute) {
    Dwarf_Attribute reference{};
    Dwarf_Die target{};
    return dwarf_formref_die(dwarf_attr(&die, attribute, &reference), &target) != nullptr ? target
                                                                                          : die;
}

/// The functions of a compilation unit that an address is in, found in one pass over its DIEs (the
/// nodes of the tree of debug information).
///
/// Not by dwarf_getscopes, which does not look for a lambda's code inside a function that has none
/// of it, and not without a limit, since damaged references form loops.
class FunctionsAt {
  public:
    FunctionsAt(Dwarf_Die unit, std::uint64_t address) : address_(address) {
        descend(unit, nullptr, 0);
        std::ranges::reverse(functions_);
    }

    /// The innermost first.
    const std::vector<Dwarf_Die>& functions() const { return functions_; }

    /// A function's own name: file and line, which are always shown with it, say the rest.
    std::string name_of(Dwarf_Die function, unsigned nesting = 0) const {
        constexpr unsigned deepest_nesting = 8;
        std::string name = bounded(dwarf_diename(&function));
        // GCC calls the function that a lambda converts to _FUN.
        if ((name == "operator()" || name == "_FUN") && nesting < deepest_nesting) {
            Dwarf_Die declaration =
                referred_by(referred_by(function, DW_AT_abstract_origin), DW_AT_specification);
            const auto around = around_.find(dwarf_dieoffset(&declaration));
            return around == around_.end() ? name
                                           : "lambda in " + name_of(around->second, nesting + 1);
        }
        if (!name.starts_with("operator")) {
            name.erase(std::min(name.find('<'), name.size()));  // template arguments
        }
        return name;
    }

  private:
    static constexpr std::size_t deepest = 64;
    static constexpr std::size_t most = 1U << 20;  ///< DIEs, far more than a unit has

    void descend(Dwarf_Die parent, const Dwarf_Die* around, std::size_t depth) {
        Dwarf_Die die{};
        if (depth == deepest || dwarf_child(&parent, &die) != 0) {
            return;
        }
        do {
            if (++seen_ > most) {
                return;
            }
            const int tag = dwarf_tag(&die);
            const bool is_function = tag == DW_TAG_subprogram;
            if (is_function && around != nullptr) {
                around_.emplace(dwarf_dieoffset(&die), *around);
            }
            if ((is_function || tag == DW_TAG_inlined_subroutine) && functions_.size() < deepest &&
                dwarf_haspc(&die, address_) > 0) {
                functions_.push_back(die);
            }
            descend(die, is_function ? &die : around, depth + 1);
        } while (dwarf_siblingof(&die, &die) == 0);
    }

    std::uint64_t address_;
    std::size_t seen_ = 0;
    std::vector<Dwarf_Die> functions_;
    std::unordered_map<Dwarf_Off, Dwarf_Die> around_;  ///< the function that a function is inside
};

/// The compilation unit whose code `address` is in. Not by .debug_aranges, as libdwfl would look
/// for it: Clang does not write them.
std::optional<Dwarf_Die> unit_of(Dwarf* dwarf, std::uint64_t address) {
    Dwarf_CU* unit = nullptr;
    Dwarf_Die die{};
    while (dwarf_get_units(dwarf, unit, &unit, nullptr, nullptr, &die, nullptr) == 0) {
        if (dwarf_haspc(&die, address) > 0) {
            return die;
        }
    }
    return std::nullopt;
}

/// A file's name as the compiler was given it: without the directory it ran in.
std::string file_name(Dwarf_Die* unit, const char* file) {
    std::string name = bounded(file);
    Dwarf_Attribute attribute{};
    const char* directory = dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &attribute));
    if (directory != nullptr && *directory != '\0' && name.starts_with(directory)) {
        name.erase(0, name.find_first_not_of('/', std::strlen(directory)));
    }
    return name;
}

unsigned number_attribute(Dwarf_Die* die, unsigned name) {
    Dwarf_Attribute attribute{};
    Dwarf_Word value = 0;
    dwarf_formudata(dwarf_attr(die, name, &attribute), &value);
    return static_cast<unsigned>(value);
}

/// The place of the call that an inlined function stands for.
SourcePlace call_site(Dwarf_Die* unit, Dwarf_Die* inlined) {
    Dwarf_Files* files = nullptr;
    std::size_t count = 0;
    const bool has_files = dwarf_getsrcfiles(unit, &files, &count) == 0;
    const std::size_t file = number_attribute(inlined, DW_AT_call_file);
    return {"", file_name(unit, has_files ? dwarf_filesrc(files, file, nullptr, nullptr) : nullptr),
            number_attribute(inlined, DW_AT_call_line)};
}

/// Of anything else libdwfl would unpack what it takes for compressed, or follow the null pointer
/// that it has from libelf (elfutils 0.188, __libdw_open_elf_memory).
bool is_elf(std::string& file) {
    elf_version(EV_CURRENT);  // before anything else of libelf is used
    const std::unique_ptr<Elf, decltype(&elf_end)> elf(elf_memory(file.data(), file.size()),
                                                       &elf_end);
    return elf_kind(elf.get()) == ELF_K_ELF;
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
    if (!is_elf(file_)) {
        return;
    }
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

std::vector<SourcePlace> Symbols::source_of(std::uint64_t address) const {
    // What the linker has left out is still in the debug information, at address 0.
    if (!function_at(address)) {
        return {};
    }
    Dwarf_Addr bias = 0;
    std::optional<Dwarf_Die> unit = unit_of(dwfl_module_getdwarf(module_, &bias), address);
    Dwarf_Line* line = unit ? dwarf_getsrc_die(&*unit, address) : nullptr;
    int number = 0;
    if (line == nullptr || dwarf_lineno(line, &number) != 0) {
        return {};
    }
    SourcePlace place{"", file_name(&*unit, dwarf_linesrc(line, nullptr, nullptr)),
                      static_cast<unsigned>(number)};
    const FunctionsAt found(*unit, address);
    std::vector<SourcePlace> places;
    for (Dwarf_Die function : found.functions()) {
        place.function = found.name_of(function);
        // A lambda and the function that it converts to look the same.
        if (places.empty() || places.back() != place) {
            places.push_back(place);
        }
        place = call_site(&*unit, &function);
    }
    if (places.empty()) {
        places.push_back(place);
    }
    for (SourcePlace& unnamed : places) {
        if (unnamed.function.empty()) {
            const auto symbol = function_at(address);
            unnamed.function = symbol ? symbol->name : "?";
        }
    }
    return places;
}

std::string Symbols::name_of(std::uint64_t address) const {
    const auto symbol = at(address);
    return !symbol ? fmt::format("{:#x}", address)
           : address == symbol->start
               ? symbol->name
               : fmt::format("{}+{:#x}", symbol->name, address - symbol->start);
}

std::string Symbols::source_text(std::uint64_t address, std::string_view separator) const {
    return places_text(source_of(address), separator);
}

std::string places_text(const std::vector<SourcePlace>& places, std::string_view separator) {
    std::vector<std::string> texts;
    for (const SourcePlace& place : places) {
        texts.push_back(fmt::format("{} ({}:{})", place.function, place.file, place.line));
    }
    return fmt::format("{}", fmt::join(texts, separator));
}

std::string Symbols::describe(std::uint64_t address) const {
    const std::string text = source_text(address, ", inlined into ");
    return text.empty() ? name_of(address) : text;
}

std::string readable_symbol(const char* mangled) {
    std::string name = bounded(mangled);
    // The demangler takes a C function "f" for a type, float.
    if (Demangled start; name.starts_with("_Z") && demangle(name, start)) {
        name = bounded(start.text.c_str());
    }
    for (const std::string_view part : {"(anonymous namespace)::", "nestbed::"}) {
        for (std::size_t at = name.find(part); at != name.npos; at = name.find(part, at)) {
            name.erase(at, part.size());
        }
    }
    return name;
}

}  // namespace nestbed::vmm
