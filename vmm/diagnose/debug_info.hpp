// The debug information (DWARF) of a guest's ELF file: which source an instruction comes from, and
// how to find the caller of the function that it is in. The file is not trusted: libdw checks what
// it reads, and every search here is bounded, since damaged references can form loops.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct Dwarf;
struct Elf;

namespace nestbed::vmm {

/// A function and the line in it that an address belongs to.
struct SourcePlace {
    std::string function;  ///< empty in assembly, which has lines but no functions
    std::string file;
    unsigned line;

    friend bool operator==(const SourcePlace&, const SourcePlace&) = default;
};

/// How a function's caller is found, from the call-frame information that a debugger would use
/// (DWARF 5, 6.4): an address relative to RSP or RBP, and where below it the caller's RBP and RIP
/// are.
struct FrameRule {
    bool from_rbp;  ///< the base is RBP + `offset`, otherwise RSP + `offset`
    std::int64_t offset;
    std::int64_t return_slot;              ///< relative to the base
    std::optional<std::int64_t> rbp_slot;  ///< nothing: RBP is still the caller's
};

class DebugInfo {
  public:
    /// `elf` must outlive it; may be null.
    explicit DebugInfo(Elf* elf);

    /// The source of an instruction: the innermost inlined function first, the function that it was
    /// compiled into last. Empty without debug information.
    std::vector<SourcePlace> source_of(std::uint64_t address) const;

    /// Nothing if the file does not say, or says it in a form that no ordinary function has.
    std::optional<FrameRule> frame_rule_at(std::uint64_t address) const;

  private:
    struct End {
        void operator()(Dwarf* dwarf) const;
    };

    std::unique_ptr<Dwarf, End> dwarf_;  ///< null: no debug information
};

}  // namespace nestbed::vmm
