#include "vmm/diagnose/frame_pointers.hpp"

#include <fmt/format.h>

#include <utility>

namespace nestbed::vmm {

namespace {

/// What a function with a frame pointer has on the stack, from that on: as linear addresses.
struct SavedFrame {
    std::uint64_t pointer;  ///< the caller's
    std::uint64_t return_address;
};

class FramePointers {
  public:
    FramePointers(const CpuState& state, const VirtualMemory& memory, const Symbols& symbols)
        : state_(state), code_(state.code_segment()), memory_(memory), symbols_(symbols) {}

    Backtrace follow() {
        add(state_.rip_is_behind ? StackFrame::Kind::behind : StackFrame::Kind::instruction,
            state_.linear_rip());
        if (code_.size == CodeSize::bits_16) {
            end("16-bit code");
            return std::move(result_);
        }
        lowest_ = state_.on_stack(state_.general.rsp);
        if (!symbols_.function_at(state_.code())) {
            take_return_address();
        }
        frame_ = state_.on_stack(state_.general.rbp);
        // A frame pointer of 0 ends every chain on purpose.
        while (frame_ != state_.on_stack(0) && result_.end.empty()) {
            step();
        }
        return std::move(result_);
    }

  private:
    std::uint64_t word() const { return code_.size == CodeSize::bits_64 ? 8 : 4; }

    void add(StackFrame::Kind kind, std::uint64_t address) {
        result_.frames.push_back({kind, address});
    }

    void end(std::string reason) { result_.end = std::move(reason); }

    /// After a call of a bad pointer the return address is on the top of the stack.
    void take_return_address() {
        const auto value = read_word(lowest_);
        if (value && is_return_address(code_.linear(*value))) {
            add(StackFrame::Kind::behind, code_.linear(*value));
            lowest_ += word();
        }
    }

    /// To the caller of the function that `frame_` belongs to.
    void step() {
        if (result_.frames.size() == most_stack_frames) {
            return end(fmt::format("more than {} frames", most_stack_frames));
        }
        if (frame_ < lowest_) {
            return end(fmt::format("the stack would go back from {:#x} to {:#x}", lowest_, frame_));
        }
        const auto saved = read(frame_);
        if (!saved) {
            return end(fmt::format("no frame at {:#x}: unaligned or not mapped", frame_));
        }
        if (!is_return_address(saved->return_address)) {
            return end(fmt::format("the return address at {:#x}, {:#x}, is in no function",
                                   frame_ + word(), saved->return_address));
        }
        add(StackFrame::Kind::behind, saved->return_address);
        lowest_ = frame_ + 2 * word();
        frame_ = saved->pointer;
    }

    bool is_return_address(std::uint64_t address) const {
        return address != 0 && symbols_.function_at(address - 1);
    }

    std::optional<SavedFrame> read(std::uint64_t frame) const {
        const auto pointer = read_word(frame);
        const auto return_address = read_word(frame + word());
        return pointer && return_address ? std::optional(SavedFrame{state_.on_stack(*pointer),
                                                                    code_.linear(*return_address)})
                                         : std::nullopt;
    }

    std::optional<std::uint64_t> read_word(std::uint64_t address) const {
        return address % word() != 0 ? std::nullopt
               : word() == 8         ? memory_.read<std::uint64_t>(address)
                             : std::optional<std::uint64_t>(memory_.read<std::uint32_t>(address));
    }

    const CpuState& state_;
    CodeSegment code_;
    const VirtualMemory& memory_;
    const Symbols& symbols_;
    std::uint64_t lowest_ = 0;  ///< what is below belongs to functions that have been seen
    std::uint64_t frame_ = 0;   ///< where the next frame is
    Backtrace result_;
};

}  // namespace

Backtrace backtrace_by_frame_pointers(const CpuState& state, const VirtualMemory& memory,
                                      const Symbols& symbols) {
    return FramePointers(state, memory, symbols).follow();
}

}  // namespace nestbed::vmm
