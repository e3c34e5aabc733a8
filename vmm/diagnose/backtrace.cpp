#include "vmm/diagnose/backtrace.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

#include "shared/arch/exceptions.hpp"
#include "shared/channel/panic_report.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::size_t most_lines = 48;
constexpr std::uint64_t word = sizeof(std::uint64_t);

// By DWARF's numbers (System V ABI, AMD64 supplement, figure 3.36).
constexpr unsigned register_count = 17;
constexpr unsigned rbp = 6;
constexpr unsigned rsp = 7;
constexpr unsigned rip = 16;

/// Goes from frame to frame, each of which is judged here; libdwfl takes one step at a time.
class Unwinder {
  public:
    Unwinder(const VirtualMemory& memory, const Symbols& symbols)
        : memory_(memory), symbols_(symbols) {
        unwinding = this;
    }
    Unwinder(const Unwinder&) = delete;
    Unwinder& operator=(const Unwinder&) = delete;
    ~Unwinder() { unwinding = nullptr; }

    Backtrace unwind(const CpuState& state) {
        const kvm_regs& r = state.general;
        registers_ = {r.rax, r.rdx, r.rcx, r.rbx, r.rsi, r.rdi, r.rbp, r.rsp, r.r8,
                      r.r9,  r.r10, r.r11, r.r12, r.r13, r.r14, r.r15, r.rip};
        std::optional<StackFrame> frame{
            {state.rip_is_behind ? StackFrame::Kind::behind : StackFrame::Kind::instruction,
             r.rip}};
        for (; frame && result_.frames.size() < most_stack_frames; frame = caller_of(*frame)) {
            result_.frames.push_back(*frame);
        }
        if (frame) {
            end(fmt::format("more than {} frames", most_stack_frames));
        }
        return std::move(result_);
    }

  private:
    // A session can be attached to only once: it asks whoever unwinds now.
    static inline constinit thread_local Unwinder* unwinding = nullptr;

    std::nullopt_t end(std::string reason) {
        result_.end = std::move(reason);
        return std::nullopt;
    }

    /// Of a frame whose registers are in `registers_`, which are the caller's afterwards.
    std::optional<StackFrame> caller_of(const StackFrame& frame) {
        const auto function = symbols_.function_at(frame.code());
        if (!function && frame.kind != StackFrame::Kind::behind && take_return_address()) {
            return StackFrame{StackFrame::Kind::behind, registers_[rip]};
        }
        const std::uint64_t inner_rsp = registers_[rsp];
        if (!step(frame.code())) {
            return std::nullopt;
        }
        // guest/boot/vectors.S
        if (function && (function->name == "trap_entry" || function->name == "interrupt_vectors")) {
            return interrupted_by(frame, inner_rsp);
        }
        if (registers_[rsp] <= inner_rsp) {
            return end(goes_back(inner_rsp, registers_[rsp]));
        }
        if (!is_return_address(registers_[rip])) {
            return end(no_function(registers_[rsp] - word, registers_[rip]));
        }
        return StackFrame{StackFrame::Kind::behind, registers_[rip]};
    }

    /// After a call of a bad pointer nothing has changed, and the return address is on the top of
    /// the stack.
    bool take_return_address() {
        const auto address = memory_.read<std::uint64_t>(registers_[rsp]);
        if (!address || !is_return_address(*address)) {
            return false;
        }
        registers_[rip] = *address;
        registers_[rsp] += word;
        return true;
    }

    bool is_return_address(std::uint64_t address) const {
        return address != 0 && symbols_.function_at(address - 1);
    }

    /// The instruction that a trap or an interrupt came in at. It may be on another stack: what
    /// bounds the chain there is the number of frames.
    StackFrame interrupted_by(const StackFrame& entry, std::uint64_t entry_rsp) const {
        StackFrame frame{StackFrame::Kind::trap, registers_[rip]};
        // The dispatcher is called with the whole TrapFrame on the top of the stack.
        if (entry.kind == StackFrame::Kind::behind) {
            if (const auto trap = memory_.read<channel::TrapFrame>(entry_rsp)) {
                frame.vector = trap->vector;
            }
        }
        return frame;
    }

    /// From the function that `code` is in to its caller; ends the backtrace if there is none.
    bool step(std::uint64_t code) {
        static constexpr pid_t thread = 1;
        static constexpr Dwfl_Thread_Callbacks callbacks{
            .next_thread = [](Dwfl*, void*, void**) { return pid_t{0}; },
            .get_thread = [](Dwfl*, pid_t, void*, void**) { return true; },
            .memory_read = [](Dwfl*, Dwarf_Addr address, Dwarf_Word* value,
                              void*) { return unwinding->read(address, *value); },
            .set_initial_registers =
                [](Dwfl_Thread* state, void*) {
                    return dwfl_thread_state_registers(state, 0, register_count,
                                                       unwinding->registers_.data());
                },
            .detach = nullptr,
            .thread_detach = nullptr};
        registers_[rip] = code;
        is_at_caller_ = false;
        last_read_ = unreadable_ = std::nullopt;
        Dwfl* session = symbols_.session();
        if (session == nullptr ||
            (dwfl_pid(session) < 0 &&
             !dwfl_attach_state(session, nullptr, thread, &callbacks, nullptr))) {
            end("this is no file that libdwfl could use");
            return false;
        }
        const int result = dwfl_getthread_frames(
            session, thread, [](Dwfl_Frame* state, void*) { return unwinding->see(state); },
            nullptr);
        if (result == DWARF_CB_ABORT) {
            return true;
        }
        end(reason_of_end(result == 0));
        return false;
    }

    bool read(std::uint64_t address, Dwarf_Word& value) {
        const bool is_there = address % word == 0 &&
                              memory_.copy(address, std::as_writable_bytes(std::span(&value, 1)));
        (is_there ? last_read_ : unreadable_) = address;
        return is_there;
    }

    int see(Dwfl_Frame* state) {
        if (!std::exchange(is_at_caller_, true)) {
            return DWARF_CB_OK;  // where it started
        }
        for (unsigned number = 0; number < register_count; ++number) {
            dwfl_frame_reg(state, number, &registers_[number]);
        }
        dwfl_frame_pc(state, &registers_[rip], nullptr);
        return DWARF_CB_ABORT;
    }

    /// Why libdwfl finds no caller; `by_rule` if the call-frame information says so.
    std::string reason_of_end(bool by_rule) const {
        if (by_rule) {
            // The outermost function's return address is undefined (guest/boot/entry.S); libdwfl
            // takes one of 0 for the same.
            return last_read_ ? no_function(*last_read_, 0) : "";
        }
        // A frame pointer of 0 ends every chain on purpose.
        if (registers_[rbp] == 0) {
            return "";
        }
        if (unreadable_) {
            return fmt::format("no frame at {:#x}: unaligned or not mapped", *unreadable_);
        }
        return goes_back(registers_[rsp], registers_[rbp] + 2 * word);
    }

    static std::string goes_back(std::uint64_t from, std::uint64_t to) {
        return fmt::format("the stack would go back from {:#x} to {:#x}", from, to);
    }

    static std::string no_function(std::uint64_t slot, std::uint64_t address) {
        return fmt::format("the return address at {:#x}, {:#x}, is in no function", slot, address);
    }

    const VirtualMemory& memory_;
    const Symbols& symbols_;
    std::array<Dwarf_Word, register_count> registers_{};
    // Of the step that libdwfl takes.
    bool is_at_caller_ = false;
    std::optional<std::uint64_t> last_read_;
    std::optional<std::uint64_t> unreadable_;
    Backtrace result_;
};

/// One line per function: those inlined here first, by what they are inlined into.
std::string show_frame(std::size_t number, const StackFrame& frame, const Symbols& symbols) {
    std::string place =
        symbols.source_text(frame.code(), ", inlined into\n" + std::string(23, ' '));
    if (place.empty()) {
        const auto function = symbols.function_at(frame.code());
        place = function ? fmt::format("{}+{:#x}", function->name, frame.address - function->start)
                         : "in no function";
    }
    return fmt::format("#{:<3} {:016x}  {}\n", number, frame.address, place);
}

std::string trap_text(std::optional<std::uint64_t> vector) {
    return !vector ? "exception or interrupt"
           : *vector < arch::first_interrupt_vector
               ? arch::exception_name(static_cast<std::uint8_t>(*vector))
               : fmt::format("interrupt {:#x}", *vector);
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
            text += fmt::format("     -- {} --\n", trap_text(frames[n].vector));
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
