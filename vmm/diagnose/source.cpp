#include <dwarf.h>
#include <elfutils/libdw.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <unordered_map>

#include "vmm/diagnose/symbols.hpp"

namespace nestbed::vmm {

namespace {

/// The DIE that `attribute` of `die` refers to, or `die` itself if it has none.
Dwarf_Die referred_by(Dwarf_Die die, unsigned attribute) {
    Dwarf_Attribute reference{};
    Dwarf_Die target{};
    return dwarf_formref_die(dwarf_attr(&die, attribute, &reference), &target) != nullptr ? target
                                                                                          : die;
}

/// The functions of a compilation unit that an address is in, the innermost first, found in one
/// pass over its DIEs (the nodes of the tree of debug information).
///
/// Not by dwarf_getscopes, which does not look for a lambda's code inside a function that has none
/// of it, and not without a limit, since damaged references form loops.
class FunctionsAt {
  public:
    FunctionsAt(Dwarf_Die unit, std::uint64_t address) : address_(address) {
        descend(unit, nullptr, 0);
        std::ranges::reverse(functions_);
    }

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

}  // namespace

std::vector<SourcePlace> Symbols::source_of(std::uint64_t address) const {
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

}  // namespace nestbed::vmm
