#include "vmm/diagnose/left_behind.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "shared/arch/descriptors.hpp"
#include "shared/arch/exceptions.hpp"
#include "shared/channel/panic_report.hpp"
#include "shared/channel/runtime.hpp"
#include "shared/paging/walk.hpp"
#include "vmm/memory/virtual_memory.hpp"

namespace nestbed::vmm {

namespace {

using channel::StackKind;
using channel::TrapFrame;

constexpr std::size_t most_frames_of_a_stack = 4;

bool is_possible(const TrapFrame& frame) {
    const bool is_kernel = frame.cs == arch::selector::kernel_code;
    const bool is_user = frame.cs == arch::selector::user_code;
    // NULL: what the processor loads when a trap takes it from user mode (SDM Vol. 3A 6.14.4).
    const bool has_stack = frame.ss == 0 || frame.ss == arch::selector::kernel_data ||
                           frame.ss == arch::selector::user_data;
    return frame.vector <= 0xFF && (is_kernel || is_user) && has_stack;
}

std::string frame_text(const TrapFrame& frame, const Symbols& symbols) {
    const auto vector = static_cast<std::uint8_t>(frame.vector);
    const std::string what = vector >= arch::first_interrupt_vector
                                 ? fmt::format("interrupt {:#x}", vector)
                                 : arch::exception_name(vector);
    const std::string error =
        arch::pushes_error_code(vector) ? fmt::format(", error code {:#x}", frame.error_code) : "";
    return fmt::format("{}{}, in {} mode at {}; rsp {:x} rflags {:x}", what, error,
                       frame.from_user() ? "user" : "kernel", symbols.describe(frame.rip),
                       frame.rsp, frame.rflags);
}

/// The first page of the kernel image that is, through `root`, not where it was loaded.
std::optional<std::string> flaw_of_image(const GuestMemory& memory, paging::Frame4k root,
                                         const ElfImage& image, std::uint32_t cpus) {
    constexpr std::uint64_t page = 4096;
    const std::vector<AddressRange> holes = image.stacks().unmapped(cpus);
    const auto is_hole = [&](std::uint64_t address) {
        return std::ranges::any_of(
            holes, [&](const AddressRange& hole) { return hole.contains(address); });
    };
    const paging::WindowReader reader{HostTableWindow{memory}};
    for (const Segment& segment : image.segments()) {
        for (std::uint64_t offset = 0; offset < segment.memory_size; offset += page) {
            const std::uint64_t address = segment.virtual_address + offset;
            if (segment.user || is_hole(address)) {
                continue;
            }
            const paging::WalkResult walk =
                paging::walk(reader, root, address, paging::Access{}, {});
            if (walk.outcome != paging::WalkOutcome::translated) {
                return fmt::format("{:#x} is not mapped", address);
            }
            if (const std::uint64_t there = walk.translation.address.raw();
                there != segment.physical_address + offset) {
                return fmt::format("{:#x} is at {:#x}, and was loaded to {:#x}", address, there,
                                   segment.physical_address + offset);
            }
        }
    }
    return std::nullopt;
}

class LeftBehind {
  public:
    LeftBehind(const StoppedMachine& machine, const OwnGuest& own, const Symbols& symbols,
               std::uint32_t cpu)
        : machine_(machine),
          own_(own),
          symbols_(symbols),
          cpu_(cpu),
          kernel_(machine.memory, own.shared.boot_root) {}

    std::string text() const { return roots() + stacks(); }

  private:
    std::string roots() const {
        const channel::GuestRuntime& runtime = own_.image.note().runtime;
        const auto marks = runtime.marks ? kernel_.read<channel::CpuMarks>(
                                               runtime.marks.address + cpu_ * runtime.mark_stride)
                                         : std::nullopt;
        const std::uint64_t boot = own_.shared.boot_root.address().raw();
        if (!marks) {
            return root_line("boot root", boot);
        }
        std::string lines = root_line("root", marks->root == 0 ? boot : marks->root);
        if (marks->next_root != marks->root) {
            lines += root_line("about to load", marks->next_root);
        }
        return lines;
    }

    std::string root_line(const char* name, std::uint64_t address) const {
        const auto flaw = flaw_of_image(machine_.memory, paging::root_of_cr3(address), own_.image,
                                        machine_.vcpus.count());
        return fmt::format("{} {:x}: {}\n", name, address,
                           flaw ? "does not lead to the kernel image: " + *flaw
                                : "leads to all of the kernel image");
    }

    std::string stacks() const {
        std::string lines;
        for (const GuestStack& stack : own_.image.stacks().of_cpu(cpu_)) {
            if (stack.kind == StackKind::user) {
                continue;  // no trap comes there
            }
            const std::vector<TrapFrame> frames = frames_on(stack);
            lines += fmt::format("{}: {}\n", name_of(stack.kind),
                                 frames.empty() ? "no trap frame" : frames_text(frames));
        }
        return lines;
    }

    std::string frames_text(const std::vector<TrapFrame>& frames) const {
        std::string text;
        for (const TrapFrame& frame : frames) {
            text += (text.empty() ? "" : "\n  ") + frame_text(frame, symbols_);
        }
        return text;
    }

    /// The innermost, which is the lowest, first. An outer one may be left of an earlier trap. The
    /// processor aligns a stack to 16 bytes before it pushes (SDM Vol. 3A 6.14.2).
    std::vector<TrapFrame> frames_on(const GuestStack& stack) const {
        constexpr std::uint64_t alignment = 16;
        std::vector<TrapFrame> frames;
        std::uint64_t at = stack.memory.begin;
        while (at + sizeof(TrapFrame) <= stack.memory.end &&
               frames.size() < most_frames_of_a_stack) {
            const auto frame = kernel_.read<TrapFrame>(at);
            if (frame && is_possible(*frame)) {
                frames.push_back(*frame);
                at += sizeof(TrapFrame);
            } else {
                at += alignment;
            }
        }
        return frames;
    }

    const StoppedMachine& machine_;
    const OwnGuest& own_;
    const Symbols& symbols_;
    std::uint32_t cpu_;
    VirtualMemory kernel_;  ///< as the tables show it that the VMM made
};

}  // namespace

std::string show_left_behind(const StoppedMachine& machine, const OwnGuest& own,
                             const Symbols& symbols, std::uint32_t cpu) {
    return LeftBehind(machine, own, symbols, cpu).text();
}

}  // namespace nestbed::vmm
