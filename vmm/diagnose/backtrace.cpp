#include "vmm/diagnose/backtrace.hpp"

#include <fmt/format.h>

#include <iterator>
#include <optional>

#include "shared/arch/exceptions.hpp"
#include "shared/channel/panic_report.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::size_t most_frames = 2048;
constexpr std::size_t most_lines = 48;
/// guest/boot/vectors.S: it calls the dispatcher with a TrapFrame on the top of the stack.
constexpr const char* trap_entry_name = "trap_entry";

/// The registers that unwinding needs.
struct Position {
    std::uint64_t rip;
    std::uint64_t rsp;
    std::uint64_t rbp;
};

class Unwinder {
  public:
    Unwinder(const VirtualMemory& memory, const Symbols& symbols)
        : memory_(memory), symbols_(symbols) {}

    Backtrace unwind(const CpuState& state) {
        const kvm_regs& registers = state.general;
        StackFrame frame{StackFrame::Kind::instruction, registers.rip};
        std::optional<Position> position({registers.rip, registers.rsp, registers.rbp});
        while (position) {
            result_.frames.push_back(frame);
            if (result_.frames.size() == most_frames) {
                return end(fmt::format("more than {} frames", most_frames));
            }
            if (frame.kind == StackFrame::Kind::call && is_trap_entry(position->rip)) {
                position = interrupted(*position, frame);
            } else {
                position = caller(*position, frame.kind == StackFrame::Kind::call);
                frame = {StackFrame::Kind::call, position ? position->rip : 0};
            }
        }
        return std::move(result_);
    }

  private:
    static constexpr std::uint64_t word = sizeof(std::uint64_t);

    Backtrace end(std::string reason) {
        result_.end = std::move(reason);
        return std::move(result_);
    }

    std::optional<Position> stop(std::string reason) {
        result_.end = std::move(reason);
        return std::nullopt;
    }

    std::optional<Position> caller(const Position& position, bool after_call) {
        if (symbols_.function_at(position.rip) == nullptr && !after_call) {
            return caller_of_no_function(position);
        }
        // What is behind a call may already belong to the next function, if the call is the last
        // instruction of its own because it does not return.
        const auto rule = symbols_.frame_rule_at(position.rip - (after_call ? 1 : 0));
        return rule ? caller_by_rule(position, *rule) : caller_by_frame_pointer(position);
    }

    /// A call of a bad pointer: nothing has changed since, and the return address is on the top of
    /// the stack.
    std::optional<Position> caller_of_no_function(const Position& position) {
        const auto address = memory_.read<std::uint64_t>(position.rsp);
        if (!address || !is_return_address(*address)) {
            return caller_by_frame_pointer(position);
        }
        return Position{*address, position.rsp + word, position.rbp};
    }

    std::optional<Position> caller_by_rule(const Position& position, const FrameRule& rule) {
        const std::uint64_t base =
            (rule.from_rbp ? position.rbp : position.rsp) + static_cast<std::uint64_t>(rule.offset);
        return caller_at(position, base, base + static_cast<std::uint64_t>(rule.return_slot),
                         rule.rbp_slot
                             ? std::optional(base + static_cast<std::uint64_t>(*rule.rbp_slot))
                             : std::nullopt);
    }

    std::optional<Position> caller_by_frame_pointer(const Position& position) {
        // A frame pointer of 0 ends every chain on purpose (guest/boot/entry.S).
        if (position.rbp == 0) {
            return std::nullopt;
        }
        return caller_at(position, position.rbp + 2 * word, position.rbp + word, position.rbp);
    }

    /// The caller whose stack pointer is `rsp`, with its RIP and RBP read from the stack.
    std::optional<Position> caller_at(const Position& position, std::uint64_t rsp,
                                      std::uint64_t rip_slot,
                                      std::optional<std::uint64_t> rbp_slot) {
        const auto rip = memory_.read<std::uint64_t>(rip_slot);
        const auto rbp =
            rbp_slot ? memory_.read<std::uint64_t>(*rbp_slot) : std::optional(position.rbp);
        if (rsp % word != 0 || !rip || !rbp) {
            return stop(fmt::format("no frame at {:#x}: unaligned or not mapped", rip_slot));
        }
        if (rsp <= position.rsp) {
            return stop(
                fmt::format("the stack would go back from {:#x} to {:#x}", position.rsp, rsp));
        }
        if (!is_return_address(*rip)) {
            return stop(fmt::format("the return address at {:#x}, {:#x}, is in no function",
                                    rip_slot, *rip));
        }
        return Position{*rip, rsp, *rbp};
    }

    /// The interrupted instruction, whose TrapFrame the dispatcher's caller has on the top of its
    /// stack. The chain may go on on another stack: what bounds it there is the number of frames.
    std::optional<Position> interrupted(const Position& position, StackFrame& frame) {
        const auto trap = memory_.read<channel::TrapFrame>(position.rsp);
        if (!trap) {
            return stop(fmt::format("no trap frame at {:#x}", position.rsp));
        }
        frame = {StackFrame::Kind::trap, trap->rip, trap->vector};
        return Position{trap->rip, trap->rsp, trap->rbp};
    }

    bool is_return_address(std::uint64_t address) const {
        return address != 0 && symbols_.function_at(address - 1) != nullptr;
    }

    bool is_trap_entry(std::uint64_t return_address) const {
        return symbols_.function_at(return_address - 1)->name == trap_entry_name;
    }

    const VirtualMemory& memory_;
    const Symbols& symbols_;
    Backtrace result_;
};

/// One line per function: those inlined here first, by what they are inlined into.
std::string show_frame(std::size_t number, const StackFrame& frame, const Symbols& symbols) {
    // The line of a call is that of its last byte.
    const std::uint64_t code =
        frame.kind == StackFrame::Kind::call ? frame.address - 1 : frame.address;
    std::string text;
    const auto places = symbols.source_of(code);
    for (const SourcePlace& place : places) {
        const bool inlined = &place != &places.back();
        text += text.empty() ? fmt::format("#{:<3} {:016x}", number, frame.address)
                             : std::string(21, ' ');
        text += fmt::format("  {} ({}:{}){}\n", place.function, place.file, place.line,
                            inlined ? ", inlined into" : "");
    }
    if (text.empty()) {
        text = fmt::format("#{:<3} {:016x}  {}\n", number, frame.address,
                           symbols.function_at(code) != nullptr ? symbols.name_of(frame.address)
                                                                : "in no function");
    }
    return text;
}

std::string show_trap(const StackFrame& frame) {
    const bool is_exception = frame.vector < arch::first_interrupt_vector;
    return fmt::format("     -- {} --\n",
                       is_exception ? arch::exception_name(static_cast<std::uint8_t>(frame.vector))
                                    : fmt::format("interrupt {:#x}", frame.vector));
}

}  // namespace

Backtrace backtrace(const CpuState& state, const VirtualMemory& memory, const Symbols& symbols) {
    return Unwinder(memory, symbols).unwind(state);
}

std::string show_backtrace(const Backtrace& backtrace, const Symbols& symbols) {
    const std::vector<StackFrame>& frames = backtrace.frames;
    std::string text;
    std::size_t lines = 0;
    for (std::size_t n = 0; n < frames.size(); ++lines) {
        if (lines == most_lines) {
            text += fmt::format("     ({} more frames)\n", frames.size() - n);
            break;
        }
        if (frames[n].kind == StackFrame::Kind::trap) {
            text += show_trap(frames[n]);
        }
        text += show_frame(n, frames[n], symbols);
        std::size_t repeated = 0;
        while (n + repeated + 1 < frames.size() &&
               frames[n + repeated + 1].address == frames[n].address) {
            ++repeated;
        }
        if (repeated != 0) {
            text += fmt::format("     (the same {} more times)\n", repeated);
        }
        n += repeated + 1;
    }
    if (!backtrace.end.empty()) {
        text += fmt::format("     (ends here: {})\n", backtrace.end);
    }
    return text;
}

}  // namespace nestbed::vmm
