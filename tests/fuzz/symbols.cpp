// The symbols, lines, call frames and code of a file that nobody has checked, as a diagnosis reads
// them, by elfutils and Capstone. An input is what the stopped vCPU's registers and stack say, 96
// bytes, and the file behind it.
//
// Known of elfutils, and so no find here: a few bytes of call-frame information, or the header of a
// compressed section, make it ask for gigabytes. Who diagnoses has a limit on his memory, and here
// so has each input.

#include <array>

#include "tests/fuzz/flat_memory.hpp"
#include "tests/fuzz/memory_budget.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/unit/loader/elf_builder.hpp"
#include "vmm/diagnose/backtrace.hpp"
#include "vmm/diagnose/disassembly.hpp"
#include "vmm/diagnose/first_mistakes.hpp"
#include "vmm/diagnose/frame_pointers.hpp"
#include "vmm/diagnose/symbols.hpp"

namespace nestbed {
namespace {

constexpr std::uint64_t stack_at = 0x2000;  ///< physical

/// Addresses that an input can name in a byte, around the start of the image.
std::uint64_t address_from(fuzz::Choices& choices) {
    const auto near = choices.value<std::uint16_t>();
    return near == 0xFFFF ? choices.value<std::uint64_t>() : channel::layout::kernel_image + near;
}

/// Of a vCPU that was stopped somewhere near, with a stack that says anything.
vmm::StoppedCpu stopped_cpu(fuzz::FlatMemory& memory, fuzz::Choices& choices) {
    vmm::StoppedCpu cpu{};
    vmm::CpuState& state = cpu.state;
    state.general.rip = address_from(choices);
    state.general.rsp = fuzz::FlatMemory::direct_map + stack_at;
    state.general.rbp = state.general.rsp + 8 * choices.below(16);
    state.rip_is_behind = choices.flag();
    state.special.cr3 = fuzz::FlatMemory::tables;
    state.special.cr2 = address_from(choices);
    if (choices.flag()) {
        channel::TrapFrame& trap = cpu.trap.emplace();
        trap.vector = choices.below(32);
        trap.error_code = choices.byte();
        trap.cs = choices.byte();
    }
    for (std::uint64_t at = stack_at; at < stack_at + 16 * 8; at += 8) {
        const std::uint8_t kind = choices.byte();
        const std::uint64_t value = kind < 128 ? channel::layout::kernel_image + choices.byte() * 8
                                    : kind < 200 ? state.general.rsp + 8 * (kind - 128U)
                                                 : 0;
        static_cast<void>(memory.memory().write(at, value));
    }
    return cpu;
}

const vmm::ElfImage& some_image() {
    static const std::vector<std::byte> file = vmm::test::ElfBuilder().file();
    static const vmm::ElfImage image("fuzz.elf", file);
    return image;
}

}  // namespace
}  // namespace nestbed

FUZZ_TARGET(symbols) {
    using namespace nestbed;
    static fuzz::FlatMemory memory;
    memory.clear();
    memory.build_tables();
    fuzz::Choices choices(input);
    constexpr std::size_t state_bytes = 96;
    fuzz::Choices state(choices.take(state_bytes));
    const vmm::StoppedCpu cpu = stopped_cpu(memory, state);
    // The code, where the file has any: what is there is disassembled.
    const fuzz::Bytes file = choices.rest();
    std::memcpy(memory.memory().at(0, 0x1000), file.data(),
                std::min<std::size_t>(file.size(), 0x1000));

    fuzz::begin_memory_budget(64 << 20);
    // Capstone's own memory is taken once, whatever the first input needs besides.
    static const auto nothing = vmm::disassemble({}, 0);
    fuzz::require(!nothing, "no code is no instruction");
    const vmm::Symbols symbols(file);
    const vmm::VirtualMemory seen = memory.virtual_memory();
    const vmm::Backtrace trace = vmm::backtrace(cpu.state, seen, symbols);
    fuzz::require(!trace.frames.empty() && trace.frames.size() <= vmm::most_stack_frames,
                  "a backtrace is bounded");
    static_cast<void>(vmm::show_backtrace(trace, symbols));
    vmm::CpuState by_pointers = cpu.state;
    by_pointers.special.efer = arch::efer::lma;
    by_pointers.special.cs.l = 1;
    const std::size_t frames =
        vmm::backtrace_by_frame_pointers(by_pointers, seen, symbols).frames.size();
    fuzz::require(frames != 0 && frames <= vmm::most_stack_frames, "and so is the other");
    static_cast<void>(vmm::show_code(seen, symbols, cpu.state.general.rip));
    static_cast<void>(symbols.describe(cpu.state.special.cr2));
    static_cast<void>(vmm::user_reach_text(cpu, some_image(), symbols));
    static_cast<void>(vmm::stack_overflow_text(cpu, some_image(), vmm::Ending::triple_fault));
}
