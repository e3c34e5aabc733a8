// Where in the guest's source an address is: from the symbol table and the debug information of its
// ELF file. Nothing in that file is trusted; what is missing or damaged leaves less to say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vmm/diagnose/debug_info.hpp"

namespace nestbed::vmm {

/// A function or a variable.
struct Symbol {
    std::string name;  ///< demangled, without parts that only repeat where it comes from
    std::uint64_t start;
    std::uint64_t end;  ///< if its size is not known: where the next symbol or its section ends it
    bool is_code;
    bool has_size;  ///< its file says where it ends
};

class Symbols {
  public:
    /// A copy of `elf_file` is kept.
    explicit Symbols(std::span<const std::byte> elf_file);
    Symbols(const Symbols&) = delete;
    Symbols& operator=(const Symbols&) = delete;

    /// The function or variable that `address` is in.
    const Symbol* at(std::uint64_t address) const;
    /// The function that `address` is in.
    const Symbol* function_at(std::uint64_t address) const;

    /// The source of an instruction, as DebugInfo has it; in assembly the function is the symbol.
    std::vector<SourcePlace> source_of(std::uint64_t address) const;

    std::optional<FrameRule> frame_rule_at(std::uint64_t address) const {
        return debug_.frame_rule_at(address);
    }

    /// "panic+0x12", or "0xffffffff80001000" if no symbol is there.
    std::string name_of(std::uint64_t address) const;

    /// "panic (guest/kernel/panic.cpp:12)" if the source is known, with the functions that it is
    /// inlined into; else what `name_of` says.
    std::string describe(std::uint64_t address) const;

  private:
    struct End {
        void operator()(Elf* elf) const;
    };

    std::vector<char> file_;
    std::unique_ptr<Elf, End> elf_;  ///< null: it is no ELF file
    DebugInfo debug_;
    std::vector<Symbol> symbols_;  ///< in the order of their addresses
};

/// A symbol's name for a person: demangled, without "nestbed::" and "(anonymous namespace)::".
std::string readable_symbol(const char* mangled);

}  // namespace nestbed::vmm
