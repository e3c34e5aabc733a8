#include "vmm/diagnose/disassembly.hpp"

#include <Zydis/Zydis.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <type_traits>

namespace nestbed::vmm {

namespace {

constexpr std::size_t lines_before = 6;
constexpr std::size_t lines_after = 5;
/// How far back the start of a function may be.
constexpr std::uint64_t farthest_start = 1U << 16;

/// By the version of the header that this program was built with: the structures must match.
std::string zydis_version() {
    return fmt::format("{}.{}", ZYDIS_VERSION_MAJOR(ZYDIS_VERSION),
                       ZYDIS_VERSION_MINOR(ZYDIS_VERSION));
}

/// The functions of Zydis that are used here, from a library that is found at run time.
struct Zydis {
    bool is_usable = false;  ///< false where it cannot be loaded
    decltype(&ZydisDecoderDecodeFull) decode = nullptr;
    decltype(&ZydisFormatterFormatInstruction) format = nullptr;
    decltype(&ZydisCalcAbsoluteAddress) calculate = nullptr;
    ZydisDecoder decoder{};
    ZydisFormatter formatter{};

    static const Zydis& get() {
        static const Zydis zydis;
        return zydis;
    }

  private:
    Zydis() {
        // Never closed: the functions are used until the end.
        void* library = ::dlopen(("libZydis.so." + zydis_version()).c_str(), RTLD_NOW | RTLD_LOCAL);
        if (library == nullptr) {
            return;
        }
        const auto find = [&](auto& function, const char* name) {
            function = reinterpret_cast<std::decay_t<decltype(function)>>(::dlsym(library, name));
            return function != nullptr;
        };
        decltype(&ZydisDecoderInit) initialize_decoder = nullptr;
        decltype(&ZydisFormatterInit) initialize_formatter = nullptr;
        decltype(&ZydisFormatterSetProperty) set_property = nullptr;
        is_usable = find(initialize_decoder, "ZydisDecoderInit") &&
                    find(initialize_formatter, "ZydisFormatterInit") &&
                    find(set_property, "ZydisFormatterSetProperty") &&
                    find(decode, "ZydisDecoderDecodeFull") &&
                    find(format, "ZydisFormatterFormatInstruction") &&
                    find(calculate, "ZydisCalcAbsoluteAddress") &&
                    ZYAN_SUCCESS(initialize_decoder(&decoder, ZYDIS_MACHINE_MODE_LONG_64,
                                                    ZYDIS_STACK_WIDTH_64)) &&
                    ZYAN_SUCCESS(initialize_formatter(&formatter, ZYDIS_FORMATTER_STYLE_INTEL));
        if (!is_usable) {
            return;
        }
        // As everywhere else here: 0xffff, not 0x000000000000FFFF.
        for (const auto padding :
             {ZYDIS_FORMATTER_PROP_ADDR_PADDING_ABSOLUTE, ZYDIS_FORMATTER_PROP_DISP_PADDING,
              ZYDIS_FORMATTER_PROP_IMM_PADDING}) {
            set_property(&formatter, padding, ZYDIS_PADDING_DISABLED);
        }
        set_property(&formatter, ZYDIS_FORMATTER_PROP_HEX_UPPERCASE, ZYAN_FALSE);
    }
};

/// Instructions one behind the other, as lines; what is none ends them.
struct Listing {
    std::vector<std::string> lines;
    std::size_t size = 0;  ///< of the instructions
};

Listing list_code(std::span<const std::byte> code, std::uint64_t address, const Symbols& symbols,
                  std::size_t most_lines) {
    Listing listing;
    while (listing.size < code.size() && listing.lines.size() < most_lines) {
        const std::uint64_t at = address + listing.size;
        const auto rest = code.subspan(listing.size);
        const auto instruction = disassemble(rest, at);
        if (!instruction) {
            const auto bytes = rest.first(std::min(rest.size(), longest_instruction));
            listing.lines.push_back(
                fmt::format("   {:016x}  {}  (no instruction)\n", at, hex_bytes(bytes)));
            break;
        }
        std::string target;
        if (instruction->target && symbols.at(*instruction->target)) {
            target = fmt::format("  <{:.64}>", symbols.name_of(*instruction->target));
        }
        listing.lines.push_back(fmt::format("   {:016x}  {:<30}  {}{}\n", at,
                                            hex_bytes(rest.first(instruction->length)),
                                            instruction->text, target));
        listing.size += instruction->length;
    }
    return listing;
}

/// The last few of the instructions from `start` to `rip`, or nothing if none ends there.
std::string code_before(const VirtualMemory& memory, const Symbols& symbols, std::uint64_t start,
                        std::uint64_t rip) {
    const std::uint64_t size = rip - start;
    if (size > farthest_start) {
        return "";
    }
    const auto listing = list_code(read_mapped(memory, start, size), start, symbols, size);
    if (listing.size != size) {
        return "   (no instruction before RIP ends at it)\n";
    }
    const std::span lines = listing.lines;
    return fmt::to_string(fmt::join(lines.last(std::min(lines.size(), lines_before)), ""));
}

/// Without a disassembler: the bytes, as Linux shows them, with the one at RIP in brackets.
std::string code_bytes(const VirtualMemory& memory, std::uint64_t start, std::uint64_t rip) {
    const std::uint64_t size = std::min<std::uint64_t>(16, rip - start);
    const auto before = read_mapped(memory, rip - size, size);
    const auto after = read_mapped(memory, rip, 2 * longest_instruction);
    return fmt::format("{}{}<{}> {}\n({})\n", hex_bytes(before), before.empty() ? "" : " ",
                       hex_bytes(std::span(after).first(1)), hex_bytes(std::span(after).subspan(1)),
                       disassembler_remedy());
}

}  // namespace

const std::string& disassembler_remedy() {
    static const std::string remedy =
        Zydis::get().is_usable ? "" : "install libzydis" + zydis_version() + " for disassembly";
    return remedy;
}

std::optional<Instruction> disassemble(std::span<const std::byte> code, std::uint64_t address) {
    const Zydis& zydis = Zydis::get();
    ZydisDecodedInstruction instruction{};
    std::array<ZydisDecodedOperand, ZYDIS_MAX_OPERAND_COUNT> operands{};
    std::array<char, 256> text{};
    if (!zydis.is_usable ||
        !ZYAN_SUCCESS(zydis.decode(&zydis.decoder, code.data(), code.size(), &instruction,
                                   operands.data())) ||
        !ZYAN_SUCCESS(zydis.format(&zydis.formatter, &instruction, operands.data(),
                                   instruction.operand_count_visible, text.data(), text.size(),
                                   address, nullptr))) {
        return std::nullopt;
    }
    Instruction result{instruction.length, text.data(), std::nullopt};
    for (const auto& operand : std::span(operands).first(instruction.operand_count_visible)) {
        if (ZyanU64 target = 0;
            ZYAN_SUCCESS(zydis.calculate(&instruction, &operand, address, &target))) {
            result.target = target;
        }
    }
    return result;
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
                      bool is_behind) {
    const auto function = symbols.function_at(rip - (is_behind ? 1 : 0));
    const std::uint64_t start = function ? function->start : rip;
    std::uint64_t wanted = (lines_after + 1) * longest_instruction;
    if (function && rip < function->end) {
        wanted = std::min(wanted, function->end - rip);  // not the padding behind it
    }
    const auto code = read_mapped(memory, rip, wanted);
    if (code.empty()) {
        return fmt::format("no code: {:#x} is not mapped to memory\n", rip);
    }
    if (!disassembler_remedy().empty()) {
        return code_bytes(memory, start, rip);
    }
    auto lines = list_code(code, rip, symbols, lines_after + 1).lines;
    lines.front().replace(0, 2, "=>");
    return code_before(memory, symbols, start, rip) + fmt::to_string(fmt::join(lines, ""));
}

}  // namespace nestbed::vmm
