#include "vmm/diagnose/disassembly.hpp"

#include <capstone/capstone.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <new>
#include <utility>

namespace nestbed::vmm {

namespace {

constexpr std::size_t lines_before = 6;
constexpr std::size_t lines_after = 5;
/// How far back the start of a function may be.
constexpr std::uint64_t farthest_start = 1U << 16;

std::size_t capstone_mode(CodeSize size) {
    return size == CodeSize::bits_16   ? CS_MODE_16
           : size == CodeSize::bits_32 ? CS_MODE_32
                                       : CS_MODE_64;
}

/// A handle of Capstone, which serves one thread, and the instruction that it has read last.
class Capstone {
  public:
    Capstone() {
        if (::cs_open(CS_ARCH_X86, CS_MODE_64, &handle_) != CS_ERR_OK ||
            ::cs_option(handle_, CS_OPT_DETAIL, CS_OPT_ON) != CS_ERR_OK ||
            (instruction_ = ::cs_malloc(handle_)) == nullptr) {
            throw std::bad_alloc();  // of these arguments it has nothing else to say
        }
    }
    ~Capstone() {
        ::cs_free(instruction_, 1);
        ::cs_close(&handle_);
    }
    Capstone(const Capstone&) = delete;
    Capstone& operator=(const Capstone&) = delete;

    /// Null if there is none. Good until the next call.
    const cs_insn* read(std::span<const std::byte> code, std::uint64_t address, CodeSize mode) {
        ::cs_option(handle_, CS_OPT_MODE, capstone_mode(mode));
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(code.data());
        std::size_t size = std::min(code.size(), longest_instruction);
        return ::cs_disasm_iter(handle_, &bytes, &size, &address, instruction_) ? instruction_
                                                                                : nullptr;
    }
    bool is_relative_branch() const {
        return ::cs_insn_group(handle_, instruction_, CS_GRP_BRANCH_RELATIVE);
    }

  private:
    csh handle_ = 0;
    cs_insn* instruction_ = nullptr;
};

/// What tests of paging may use and Capstone 4 does not know yet: 0F 01 and this byte.
struct LaterInstruction {
    std::uint8_t byte;
    const char* text;
};
constexpr std::array<LaterInstruction, 5> later_instructions{{{0xE8, "serialize"},
                                                              {0xEE, "rdpkru"},
                                                              {0xEF, "wrpkru"},
                                                              {0xFE, "invlpgb"},
                                                              {0xFF, "tlbsync"}}};

std::optional<Instruction> later_instruction(std::span<const std::byte> code) {
    constexpr std::uint8_t length = 3;
    if (code.size() < length || code[0] != std::byte{0x0F} || code[1] != std::byte{0x01}) {
        return std::nullopt;
    }
    const auto* found = std::ranges::find(
        later_instructions, std::to_integer<std::uint8_t>(code[2]), &LaterInstruction::byte);
    return found == later_instructions.end()
               ? std::nullopt
               : std::optional(Instruction{length, found->text, std::nullopt});
}

/// The address that an operand names, if it does so without a register other than RIP.
std::optional<std::uint64_t> target_of(const cs_insn& instruction, const cs_x86_op& operand,
                                       bool is_relative_branch) {
    if (operand.type == X86_OP_IMM && is_relative_branch) {
        return static_cast<std::uint64_t>(operand.imm);
    }
    if (operand.type != X86_OP_MEM || operand.mem.index != X86_REG_INVALID) {
        return std::nullopt;
    }
    const auto displacement = static_cast<std::uint64_t>(operand.mem.disp);
    switch (operand.mem.base) {
        case X86_REG_RIP:
            return instruction.address + instruction.size + displacement;
        case X86_REG_INVALID:
            return displacement;
        default:
            return std::nullopt;
    }
}

/// "lea rdi, [0xffffffff80001000]": the address, where Capstone writes "[rip + 0x123]".
std::string text_of(const cs_insn& instruction, std::optional<std::uint64_t> target) {
    std::string operands = instruction.op_str;
    const std::size_t begin = operands.find("[rip");
    if (begin != std::string::npos && target) {
        const std::size_t end = operands.find(']', begin);
        operands.replace(begin, end - begin, fmt::format("[{:#x}", *target));
    }
    return fmt::format("{}{}{}", instruction.mnemonic, operands.empty() ? "" : " ", operands);
}

/// "  <guest_start>" of an address in the code segment that has a name; nothing of one in a segment
/// that does not begin at 0, since data is in another.
std::string name_text(std::optional<std::uint64_t> target, const Symbols& symbols,
                      const CodeSegment& segment) {
    const bool is_linear = segment.size == CodeSize::bits_64 || segment.base == 0;
    return target && is_linear && symbols.at(*target)
               ? fmt::format("  <{:.64}>", symbols.name_of(*target))
               : "";
}

/// Instructions one behind the other, as lines; what is none ends them.
struct Listing {
    std::vector<std::string> lines;
    std::size_t size = 0;  ///< of the instructions
};

/// `address` is linear.
Listing list_code(std::span<const std::byte> code, std::uint64_t address, const Symbols& symbols,
                  const CodeSegment& segment, std::size_t most_lines) {
    const bool is_64bit = segment.size == CodeSize::bits_64;
    const std::uint64_t base = is_64bit ? 0 : segment.base;
    const int digits = is_64bit ? 16 : 8;
    Listing listing;
    while (listing.size < code.size() && listing.lines.size() < most_lines) {
        const std::uint64_t at = address + listing.size;
        const auto rest = code.subspan(listing.size);
        const auto instruction = disassemble(rest, at - base, segment.size);
        if (!instruction) {
            const auto bytes = rest.first(std::min(rest.size(), longest_instruction));
            listing.lines.push_back(
                fmt::format("   {:0{}x}  {}  (no instruction)\n", at, digits, hex_bytes(bytes)));
            break;
        }
        listing.lines.push_back(fmt::format(
            "   {:0{}x}  {:<30}  {}{}\n", at, digits, hex_bytes(rest.first(instruction->length)),
            instruction->text, name_text(instruction->target, symbols, segment)));
        listing.size += instruction->length;
    }
    return listing;
}

/// The last few of the instructions from `start` to `rip`, or nothing if `start` is too far away.
std::vector<std::string> code_before(const VirtualMemory& memory, const Symbols& symbols,
                                     const CodeSegment& segment, std::uint64_t start,
                                     std::uint64_t rip) {
    const std::uint64_t size = rip - start;
    if (size > farthest_start) {
        return {};
    }
    const auto listing = list_code(read_mapped(memory, start, size), start, symbols, segment, size);
    if (listing.size != size) {
        return {"   (no instruction before RIP ends at it)\n"};
    }
    const std::span lines = listing.lines;
    const auto last = lines.last(std::min(lines.size(), lines_before));
    return {last.begin(), last.end()};
}

/// Lines before RIP, and from it on, the first of which is marked.
struct CodeAround {
    std::vector<std::string> before;
    std::vector<std::string> from;
};

CodeAround code_around(const VirtualMemory& memory, const Symbols& symbols, std::uint64_t offset,
                       bool is_behind, const CodeSegment& segment) {
    const std::uint64_t rip = segment.linear(offset);
    const auto function = symbols.function_at(rip - (is_behind ? 1 : 0));
    const std::uint64_t start = function ? function->start : rip;
    std::uint64_t wanted = (lines_after + 1) * longest_instruction;
    if (function && rip < function->end) {
        wanted = std::min(wanted, function->end - rip);  // not the padding behind it
    }
    const auto code = read_mapped(memory, rip, wanted);
    if (code.empty()) {
        return {{}, {fmt::format("no code: {:#x} is not mapped to memory\n", rip)}};
    }
    auto lines = list_code(code, rip, symbols, segment, lines_after + 1).lines;
    lines.front().replace(0, 2, "=>");
    return {code_before(memory, symbols, segment, start, rip), std::move(lines)};
}

}  // namespace

std::optional<Instruction> disassemble(std::span<const std::byte> code, std::uint64_t address,
                                       CodeSize size) {
    thread_local Capstone capstone;
    const cs_insn* instruction = capstone.read(code, address, size);
    if (instruction == nullptr) {
        return later_instruction(code);
    }
    std::optional<std::uint64_t> target;
    const cs_x86& details = instruction->detail->x86;
    for (const cs_x86_op& operand : std::span(details.operands).first(details.op_count)) {
        if (const auto named = target_of(*instruction, operand, capstone.is_relative_branch())) {
            target = CodeSegment{size}.linear(*named);
        }
    }
    return Instruction{static_cast<std::uint8_t>(instruction->size), text_of(*instruction, target),
                       target};
}

std::string hex_bytes(std::span<const std::byte> bytes) {
    const std::span values(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    return fmt::format("{:02x}", fmt::join(values, " "));
}

std::vector<std::byte> read_mapped(const VirtualMemory& memory, std::uint64_t address,
                                   std::uint64_t count) {
    constexpr std::uint64_t page = 4096;
    std::vector<std::byte> bytes(count);
    std::uint64_t done = 0;
    while (done < count) {
        const std::uint64_t piece = std::min(count - done, page - (address + done) % page);
        if (!memory.copy(address + done, std::span(bytes).subspan(done, piece))) {
            break;
        }
        done += piece;
    }
    bytes.resize(done);
    return bytes;
}

std::string show_code(const VirtualMemory& memory, const Symbols& symbols, std::uint64_t rip,
                      bool is_behind, const CodeSegment& segment) {
    const CodeAround code = code_around(memory, symbols, rip, is_behind, segment);
    return fmt::to_string(fmt::join(code.before, "")) + fmt::to_string(fmt::join(code.from, ""));
}

std::string show_instruction(const VirtualMemory& memory, const Symbols& symbols, std::uint64_t rip,
                             bool is_behind, const CodeSegment& segment) {
    const CodeAround code = code_around(memory, symbols, rip, is_behind, segment);
    return is_behind && !code.before.empty() ? code.before.back() : code.from.front();
}

}  // namespace nestbed::vmm
