// Where in the guest's source an address is: from the symbol table and the debug information
// (DWARF) of its ELF file. Nothing in that file is trusted: elfutils checks what it reads, searches
// and names are bounded here; what is missing or damaged leaves less to say.
#pragma once

#include <elfutils/libdwfl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nestbed::vmm {

/// A function or a variable.
struct Symbol {
    std::string name;  ///< as `readable_symbol` has it
    std::uint64_t start;
    std::uint64_t end;  ///< if its size is not known: where its section ends
    bool is_code;
};

/// A function and the line in it that an address belongs to.
struct SourcePlace {
    std::string function;
    std::string file;
    unsigned line;

    friend bool operator==(const SourcePlace&, const SourcePlace&) = default;
};

class Symbols {
  public:
    /// A copy of `elf_file` is kept.
    explicit Symbols(std::span<const std::byte> elf_file);
    Symbols(const Symbols&) = delete;
    Symbols& operator=(const Symbols&) = delete;

    /// The function or variable that `address` is in.
    std::optional<Symbol> at(std::uint64_t address) const;
    /// The function that `address` is in.
    std::optional<Symbol> function_at(std::uint64_t address) const;

    /// The source of an instruction: the innermost inlined function first, the function that it was
    /// compiled into last. Empty without debug information. In assembly, which has lines but no
    /// functions, the function is the symbol.
    std::vector<SourcePlace> source_of(std::uint64_t address) const;

    /// "panic+0x12", or "0xffffffff80001000" if no symbol is there.
    std::string name_of(std::uint64_t address) const;

    /// What `source_of` finds, "panic (guest/kernel/panic.cpp:12)", with `separator` before each
    /// function that it is inlined into; empty without debug information.
    std::string source_text(std::uint64_t address, std::string_view separator) const;

    /// The source if it is known; else what `name_of` says.
    std::string describe(std::uint64_t address) const;

    /// libdwfl's session with the file as its only module. It can be attached to one state.
    Dwfl* session() const { return session_.get(); }

  private:
    std::string file_;
    std::unique_ptr<Dwfl, decltype(&dwfl_end)> session_{nullptr, &dwfl_end};
    Dwfl_Module* module_ = nullptr;  ///< null, in which libdwfl finds nothing: no ELF file
};

/// "panic (guest/kernel/panic.cpp:12)", with `separator` between places.
std::string places_text(const std::vector<SourcePlace>& places, std::string_view separator);

/// A symbol's name for a person: demangled, without "nestbed::" and "(anonymous namespace)::".
std::string readable_symbol(const char* mangled);

}  // namespace nestbed::vmm
