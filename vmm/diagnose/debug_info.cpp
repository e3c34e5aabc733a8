#include "vmm/diagnose/debug_info.hpp"

#include <dwarf.h>
#include <elfutils/libdw.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace nestbed::vmm {

namespace {

/// Finds DIEs (the nodes of the tree of debug information) below a root, with the way to them.
///
/// Not by libdw's own searches: dwarf_getscopes does not look for a lambda's code inside a function
/// that has none of it, and dwarf_getscopes_die does not end in a damaged file.
class DieSearch {
  public:
    /// The way from below `root` to the first DIE in the file's order that `matches`; empty if
    /// there is none.
    template <typename Matches>
    std::vector<Dwarf_Die> way_to(Dwarf_Die root, Matches matches) {
        std::vector<Dwarf_Die> way;
        descend(root, matches, way);
        return way;
    }

  private:
    static constexpr std::size_t deepest = 64;

    template <typename Matches>
    bool descend(Dwarf_Die parent, Matches& matches, std::vector<Dwarf_Die>& way) {
        Dwarf_Die die{};
        if (way.size() == deepest || dwarf_child(&parent, &die) != 0) {
            return false;
        }
        do {
            if (budget_ == 0) {
                return false;
            }
            --budget_;
            way.push_back(die);
            if (matches(die) || descend(die, matches, way)) {
                return true;
            }
            way.pop_back();
        } while (dwarf_siblingof(&die, &die) == 0);
        return false;
    }

    std::size_t budget_ = 1U << 21;  ///< DIEs, far more than a guest has
};

/// The compilation unit whose code `address` is in.
std::optional<Dwarf_Die> unit_of(Dwarf* dwarf, std::uint64_t address) {
    Dwarf_CU* unit = nullptr;
    Dwarf_Die die{};
    // Not by .debug_aranges, which Clang does not write.
    while (dwarf_get_units(dwarf, unit, &unit, nullptr, nullptr, &die, nullptr) == 0) {
        if (dwarf_haspc(&die, address) > 0) {
            return die;
        }
    }
    return std::nullopt;
}

/// The function that an instruction was compiled into, then the inlined ones around it, the
/// innermost last.
std::vector<Dwarf_Die> functions_at(Dwarf_Die unit, std::uint64_t address, DieSearch& search) {
    const auto has_address = [&](Dwarf_Die& die) {
        const int tag = dwarf_tag(&die);
        return (tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine) &&
               dwarf_haspc(&die, address) > 0;
    };
    constexpr std::size_t deepest = 64;
    std::vector<Dwarf_Die> functions;
    Dwarf_Die root = unit;
    while (functions.size() < deepest) {
        const auto way = search.way_to(root, has_address);
        if (way.empty()) {
            break;
        }
        root = way.back();
        functions.push_back(root);
    }
    std::reverse(functions.begin(), functions.end());
    return functions;
}

/// The DIE that `attribute` of `die` refers to, or `die` itself if it has none.
Dwarf_Die referred_by(Dwarf_Die die, unsigned attribute) {
    Dwarf_Attribute reference{};
    Dwarf_Die target{};
    return dwarf_formref_die(dwarf_attr(&die, attribute, &reference), &target) != nullptr ? target
                                                                                          : die;
}

const char* string_attribute(Dwarf_Die* die, unsigned name) {
    Dwarf_Attribute attribute{};
    return dwarf_formstring(dwarf_attr_integrate(die, name, &attribute));
}

/// The function whose body the declaration of `function` is in.
std::optional<Dwarf_Die> enclosing_function(Dwarf_Die unit, Dwarf_Die function, DieSearch& search) {
    Dwarf_Die declaration =
        referred_by(referred_by(function, DW_AT_abstract_origin), DW_AT_specification);
    const Dwarf_Off offset = dwarf_dieoffset(&declaration);
    auto way = search.way_to(unit, [&](Dwarf_Die& die) { return dwarf_dieoffset(&die) == offset; });
    if (!way.empty()) {
        way.pop_back();  // the declaration itself
    }
    std::optional<Dwarf_Die> innermost;
    for (Dwarf_Die& die : way) {
        if (dwarf_tag(&die) == DW_TAG_subprogram) {
            innermost = die;
        }
    }
    return innermost;
}

/// A function's own name: file and line, which are always shown with it, say the rest.
std::string function_name(Dwarf_Die unit, Dwarf_Die function, DieSearch& search,
                          unsigned nesting = 0) {
    constexpr unsigned deepest_nesting = 8;
    const char* attribute = string_attribute(&function, DW_AT_name);
    std::string name = attribute != nullptr ? attribute : "?";
    // GCC calls the function that a lambda converts to _FUN.
    if ((name == "operator()" || name == "_FUN") && nesting < deepest_nesting) {
        const auto enclosing = enclosing_function(unit, function, search);
        return enclosing ? "lambda in " + function_name(unit, *enclosing, search, nesting + 1)
                         : name;
    }
    if (!name.starts_with("operator")) {
        name.erase(std::min(name.find('<'), name.size()));  // template arguments
    }
    return name;
}

/// A file's name as the compiler was given it: without the directory it ran in.
std::string file_name(Dwarf_Die* unit, const char* file) {
    if (file == nullptr) {
        return "?";
    }
    std::string_view name = file;
    const char* directory = string_attribute(unit, DW_AT_comp_dir);
    if (directory != nullptr && *directory != '\0' && name.starts_with(directory)) {
        name.remove_prefix(std::strlen(directory));
        name.remove_prefix(std::min(name.find_first_not_of('/'), name.size()));
    }
    return std::string(name);
}

/// The line that an instruction was compiled from.
std::optional<SourcePlace> line_of(Dwarf_Die* unit, std::uint64_t address) {
    Dwarf_Line* line = dwarf_getsrc_die(unit, address);
    int number = 0;
    if (line == nullptr || dwarf_lineno(line, &number) != 0) {
        return std::nullopt;
    }
    return SourcePlace{"", file_name(unit, dwarf_linesrc(line, nullptr, nullptr)),
                       static_cast<unsigned>(number)};
}

/// The place of the call that an inlined function stands for.
SourcePlace call_site(Dwarf_Die* unit, Dwarf_Die* inlined) {
    SourcePlace place{"", "?", 0};
    Dwarf_Attribute attribute{};
    Dwarf_Word file = 0;
    Dwarf_Word line = 0;
    Dwarf_Files* files = nullptr;
    std::size_t file_count = 0;
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &line) == 0) {
        place.line = static_cast<unsigned>(line);
    }
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &file) == 0 &&
        dwarf_getsrcfiles(unit, &files, &file_count) == 0 && file < file_count) {
        place.file = file_name(unit, dwarf_filesrc(files, file, nullptr, nullptr));
    }
    return place;
}

// DWARF register numbers (System V ABI, AMD64 supplement, figure 3.36).
constexpr Dwarf_Word dwarf_rbp = 6;
constexpr Dwarf_Word dwarf_rsp = 7;
constexpr int dwarf_return_address = 16;

enum class Saved { in_memory, unchanged, elsewhere };

/// Where a caller's register is; `offset` is that of its slot from the frame's base.
Saved saved_register(Dwarf_Frame* frame, int number, std::int64_t& offset) {
    std::array<Dwarf_Op, 3> memory{};
    Dwarf_Op* operations = nullptr;
    std::size_t count = 0;
    if (dwarf_frame_register(frame, number, memory.data(), &operations, &count) != 0) {
        return Saved::elsewhere;
    }
    if (count == 0) {
        return operations == nullptr ? Saved::unchanged : Saved::elsewhere;
    }
    const bool has_offset = count == 2 && operations[1].atom == DW_OP_plus_uconst;
    if (operations[0].atom != DW_OP_call_frame_cfa || (count != 1 && !has_offset)) {
        return Saved::elsewhere;
    }
    offset = has_offset ? static_cast<std::int64_t>(operations[1].number) : 0;
    return Saved::in_memory;
}

std::optional<FrameRule> rule_of(Dwarf_Frame* frame) {
    Dwarf_Op* operations = nullptr;
    std::size_t count = 0;
    if (dwarf_frame_cfa(frame, &operations, &count) != 0 || count != 1 ||
        operations->atom != DW_OP_bregx ||
        (operations->number != dwarf_rbp && operations->number != dwarf_rsp)) {
        return std::nullopt;
    }
    FrameRule rule{.from_rbp = operations->number == dwarf_rbp,
                   .offset = static_cast<std::int64_t>(operations->number2),
                   .return_slot = 0,
                   .rbp_slot = std::nullopt};
    std::int64_t rbp_slot = 0;
    const Saved rbp = saved_register(frame, dwarf_rbp, rbp_slot);
    if (saved_register(frame, dwarf_return_address, rule.return_slot) != Saved::in_memory ||
        rbp == Saved::elsewhere) {
        return std::nullopt;
    }
    if (rbp == Saved::in_memory) {
        rule.rbp_slot = rbp_slot;
    }
    return rule;
}

}  // namespace

void DebugInfo::End::operator()(Dwarf* dwarf) const { dwarf_end(dwarf); }

DebugInfo::DebugInfo(Elf* elf)
    : dwarf_(elf == nullptr ? nullptr : dwarf_begin_elf(elf, DWARF_C_READ, nullptr)) {}

std::vector<SourcePlace> DebugInfo::source_of(std::uint64_t address) const {
    std::vector<SourcePlace> places;
    std::optional<Dwarf_Die> unit;
    if (dwarf_ == nullptr || !(unit = unit_of(dwarf_.get(), address))) {
        return places;
    }
    std::optional<SourcePlace> place = line_of(&*unit, address);
    if (!place) {
        return places;
    }
    DieSearch search;
    auto functions = functions_at(*unit, address, search);
    if (functions.empty()) {
        return {*place};
    }
    for (Dwarf_Die& function : functions) {
        place->function = function_name(*unit, function, search);
        // A lambda and the function that it converts to look the same.
        if (places.empty() || places.back() != *place) {
            places.push_back(*place);
        }
        place = call_site(&*unit, &function);
    }
    return places;
}

std::optional<FrameRule> DebugInfo::frame_rule_at(std::uint64_t address) const {
    Dwarf_CFI* information = dwarf_ == nullptr ? nullptr : dwarf_getcfi(dwarf_.get());
    Dwarf_Frame* frame = nullptr;
    if (information == nullptr || dwarf_cfi_addrframe(information, address, &frame) != 0) {
        return std::nullopt;
    }
    const auto rule = rule_of(frame);
    std::free(frame);
    return rule;
}

}  // namespace nestbed::vmm
