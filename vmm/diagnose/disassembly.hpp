// Machine code as text, by Capstone, which is linked in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vmm/diagnose/code_segment.hpp"
#include "vmm/diagnose/symbols.hpp"
#include "vmm/memory/virtual_memory.hpp"

namespace nestbed::vmm {

struct Instruction {
    std::uint8_t length;
    std::string text;                     ///< Intel syntax
    std::optional<std::uint64_t> target;  ///< the address that an operand names, if one does
};

/// The first instruction of code that would be at `address`; nothing if it is none or is cut off.
/// Addresses are offsets in the code segment.
std::optional<Instruction> disassemble(std::span<const std::byte> code, std::uint64_t address,
                                       CodeSize size = CodeSize::bits_64);

inline constexpr std::size_t longest_instruction = 15;

/// The bytes from `address` on, up to `count` or the first page that is not mapped.
std::vector<std::byte> read_mapped(const VirtualMemory& memory, std::uint64_t address,
                                   std::uint64_t count);

/// "0f 01 d9"
std::string hex_bytes(std::span<const std::byte> bytes);

/// The code around `rip`, which is marked: lines, each with its end. Instructions before it are
/// found from the start of their function, since x86 code cannot be read backwards; it is the
/// function of the byte before if RIP is behind the instruction in question. Addresses in front of
/// the lines are linear.
std::string show_code(const VirtualMemory& memory, const Symbols& symbols, std::uint64_t rip,
                      bool is_behind = false, const CodeSegment& segment = {});

/// Of these lines the one of the instruction in question: that at `rip`, or the one before it.
std::string show_instruction(const VirtualMemory& memory, const Symbols& symbols, std::uint64_t rip,
                             bool is_behind = false, const CodeSegment& segment = {});

}  // namespace nestbed::vmm
