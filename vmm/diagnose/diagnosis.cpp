#include "vmm/diagnose/diagnosis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>
#include <string_view>

#include "shared/arch/exceptions.hpp"
#include "vmm/base/error.hpp"
#include "vmm/base/text.hpp"
#include "vmm/diagnose/backtrace.hpp"
#include "vmm/diagnose/cpu_text.hpp"
#include "vmm/diagnose/disassembly.hpp"
#include "vmm/diagnose/first_mistakes.hpp"
#include "vmm/diagnose/frame_pointers.hpp"
#include "vmm/diagnose/left_behind.hpp"
#include "vmm/diagnose/page_walk.hpp"
#include "vmm/diagnose/stopped_cpu.hpp"
#include "vmm/diagnose/symbols.hpp"
#include "vmm/diagnose/waiting.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::size_t last_log_lines = 20;
constexpr std::size_t brief_log_lines = 5;
/// Halted vCPUs that are shown in full; the others, which idle in the same way, get a line each.
constexpr std::size_t halted_in_full = 2;
/// Beside the one that the summary is about.
constexpr std::size_t runners_in_summary = 3;

/// Whether a function is of the part of the guest's runtime, which an installed one is as well.
bool is_of(const SourcePlace& place, std::string_view part) {
    return place.file.find(part) != std::string::npos;
}
bool calls_tests(const SourcePlace& place) { return is_of(place, "guest/boot/"); }
bool is_called_by_tests(const SourcePlace& place) {
    return is_of(place, "guest/kernel/") || is_of(place, "guest/harness/");
}

std::string indent(std::string_view lines, std::size_t spaces) {
    std::string text;
    for (const std::string_view line : lines_of(lines)) {
        text += fmt::format("{:{}}{}\n", "", spaces, line);
    }
    return text;
}

class Diagnostician {
  public:
    Diagnostician(const StoppedMachine& machine, const Outcome& outcome, DebugInformation use)
        : machine_(machine),
          outcome_(outcome),
          symbols_(use == DebugInformation::use ? machine.file : std::span<const std::byte>{}),
          waiting_(machine) {}

    Diagnosis diagnose(const DiagnosedLog& log) {
        look_at_all();
        std::string report;
        std::size_t halted = 0;
        for (const StoppedCpu& cpu : cpus_) {
            const bool idle = cpu.is_halted() && !ended(cpu) && !cpu.has_panicked();
            report += cpu.waits_for_sipi()                 ? show_activity(cpu)
                      : idle && halted++ >= halted_in_full ? show_briefly(cpu)
                                                           : show(cpu);
        }
        for (const std::string& waits : waiting_.texts()) {
            report += waits + "\n";
        }
        report += unreadable_ + show_log(log, last_log_lines);
        // The one that the summary is about is the first.
        return {printable(summary()), printable_lines(report),
                printable_lines((cpus_.empty() ? "" : show_fault(cpus_.front())) +
                                show_log(log, brief_log_lines))};
    }

  private:
    /// Names and messages are the guest's and must not drive a terminal.
    static std::string printable_lines(std::string_view text) {
        std::vector<std::string> lines;
        std::ranges::transform(lines_of(text), std::back_inserter(lines), printable);
        return fmt::to_string(fmt::join(lines, "\n"));
    }

    /// All vCPUs, the one that the summary is about first.
    void look_at_all() {
        for (std::uint32_t cpu = 0; cpu < machine_.vcpus.count(); ++cpu) {
            try {
                cpus_.push_back(look_at(machine_, cpu));
            } catch (const Error& error) {
                unreadable_ += fmt::format("vCPU {}: {}\n", cpu, error.what());
            }
        }
        const std::optional<std::uint32_t> first = culprit();
        std::stable_partition(cpus_.begin(), cpus_.end(),
                              [&](const StoppedCpu& cpu) { return cpu.index == first; });
    }

    bool ended(const StoppedCpu& cpu) const {
        return outcome_.ending != Ending::timed_out && cpu.index == outcome_.cpu;
    }

    /// True if KVM has put others in their place.
    bool registers_are_lost(const StoppedCpu& cpu) const {
        return outcome_.ending == Ending::triple_fault && ended(cpu) && cpu.is_reset();
    }

    /// The vCPU that the summary is about: the one that ended the run, or one that kept it from
    /// ending.
    std::optional<std::uint32_t> culprit() const {
        if (outcome_.ending != Ending::timed_out) {
            return outcome_.cpu;
        }
        const std::uint32_t last = waiting_.last_to_wait_for();
        const auto running = std::ranges::find_if(cpus_, [&](const StoppedCpu& cpu) {
            return cpu.runs() && !waiting_.is_waiting(cpu.index);
        });
        const auto at_last = std::ranges::find(cpus_, last, &StoppedCpu::index);
        // vCPU 0 may sleep until another one wakes it.
        const bool sleeps = last == 0 && at_last != cpus_.end() && at_last->is_halted();
        const bool rests = sleeps || waiting_.is_waiting(last);
        return rests && running != cpus_.end() ? running->index : last;
    }

    std::string summary() const {
        if (cpus_.empty()) {
            return outcome_.detail;
        }
        const StoppedCpu& cpu = cpus_.front();
        if (outcome_.ending == Ending::timed_out) {
            std::string text = fmt::format("{}: vCPU {} is {}, in {}", outcome_.detail, cpu.index,
                                           activity_text(cpu), place_of(cpu));
            if (const auto overflow = stack_overflow(cpu)) {
                text += ", after a " + *overflow;
            }
            for (const std::string& waits : waiting_.texts()) {
                text += "; " + waits;
            }
            return text + other_runners();
        }
        const std::string place = registers_are_lost(cpu) ? "" : ", in " + place_of(cpu);
        return fmt::format("{}{}, on vCPU {}", what_happened(cpu), place, cpu.index);
    }

    /// Those that run and say of nothing that they wait for it: one of them may hold what the first
    /// needs.
    std::string other_runners() const {
        std::string text;
        std::size_t count = 0;
        for (const StoppedCpu& cpu : std::span(cpus_).subspan(1)) {
            if (!cpu.runs() || waiting_.is_waiting(cpu.index)) {
                continue;
            }
            if (count++ < runners_in_summary) {
                text += fmt::format("; vCPU {} is {}, in {}", cpu.index, activity_text(cpu),
                                    place_of(cpu));
            }
        }
        return count <= runners_in_summary
                   ? text
                   : text + fmt::format("; {} more run", count - runners_in_summary);
    }

    std::optional<std::string> stack_overflow(const StoppedCpu& cpu) const {
        return machine_.own ? stack_overflow_text(cpu, machine_.own->image, outcome_.ending)
                            : std::nullopt;
    }

    std::string panic_text(const StoppedCpu& cpu) const {
        if (cpu.panic) {
            return "panic: " + *cpu.panic +
                   (cpu.trap ? fmt::format(" (vector {:#x})", cpu.trap->vector) : "");
        }
        const std::string exception = exception_text(*cpu.trap, cpu.state.special.cr2);
        auto mistake = stack_overflow(cpu);
        if (!mistake) {
            mistake = user_reach_text(cpu, machine_.own->image, symbols_);
        }
        return mistake ? fmt::format("{} ({})", *mistake, exception) : exception;
    }

    std::string what_happened(const StoppedCpu& cpu) const {
        switch (outcome_.ending) {
            case Ending::panicked:
                return cpu.has_panicked() ? panic_text(cpu) : "panic, for no reason given";
            case Ending::internal_error:
                return internal_error_text(cpu);
            case Ending::triple_fault: {
                const auto overflow = registers_are_lost(cpu) ? std::nullopt : stack_overflow(cpu);
                return overflow ? fmt::format("{} ({})", *overflow, outcome_.detail)
                                : outcome_.detail;
            }
            default:
                return outcome_.detail;
        }
    }

    std::string internal_error_text(const StoppedCpu& cpu) const {
        const kvm_run& run = machine_.vcpus[cpu.index].run_page();
        if (run.internal.suberror != KVM_INTERNAL_ERROR_EMULATION) {
            return outcome_.detail;
        }
        const auto code = code_of_failure(cpu, run);
        if (code.empty()) {
            return fmt::format("KVM cannot emulate the instruction at {:#x}: no memory is there",
                               cpu.state.linear_rip());
        }
        const auto instruction =
            disassemble(code, cpu.state.general.rip, cpu.state.code_segment().size);
        return fmt::format("KVM cannot emulate \"{}\"",
                           instruction ? instruction->text : hex_bytes(code));
    }

    /// What KVM says it saw; where it does not say, what is at RIP.
    std::vector<std::byte> code_of_failure(const StoppedCpu& cpu, const kvm_run& run) const {
        const auto& failure = run.emulation_failure;
        constexpr std::uint32_t words_needed = 3;  // flags, then size and bytes
        if (failure.ndata < words_needed ||
            (failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES) == 0) {
            return read_mapped(cpu.state.memory(machine_.memory), cpu.state.linear_rip(),
                               longest_instruction);
        }
        const auto seen =
            std::as_bytes(std::span(failure.insn_bytes))
                .first(std::min<std::size_t>(failure.insn_size, sizeof failure.insn_bytes));
        return {seen.begin(), seen.end()};
    }

    /// The code that a summary names: of a panic in words, the function that called for it, and of
    /// user code that called the kernel, the caller.
    std::string place_of(const StoppedCpu& cpu) const {
        const std::uint64_t code = cpu.state.code();
        const bool in_panic = cpu.panic && !cpu.trap;
        const Backtrace trace = backtrace_of(cpu);
        if (in_panic) {
            return place_outside_runtime(trace);
        }
        if (trace.frames.size() >= 2 && machine_.own &&
            is_user_call_of_kernel(cpu, machine_.own->image)) {
            return symbols_.describe(trace.frames[1].code());
        }
        if (trace.frames.size() < 2 || symbols_.function_at(code)) {
            return symbols_.describe(code);
        }
        return fmt::format("{:#x}, called from {}", cpu.state.linear_rip(),
                           symbols_.describe(trace.frames[1].code()));
    }

    /// The innermost function that is not the runtime's, with what it is inlined into. Of a test
    /// that ended with a call, which is a jump, what it called.
    std::string place_outside_runtime(const Backtrace& trace) const {
        std::string place;
        for (const StackFrame& frame : trace.frames) {
            const std::vector<SourcePlace> places = symbols_.source_of(frame.code());
            const auto own = std::ranges::find_if_not(places, is_called_by_tests);
            if (own != places.end() && !calls_tests(*own)) {
                return places_text({own, places.end()}, ", inlined into ");
            }
            if (own != places.end() && !place.empty()) {
                break;
            }
            place = symbols_.describe(frame.code());
        }
        return place;
    }

    Backtrace backtrace_of(const StoppedCpu& cpu) const {
        const VirtualMemory memory = cpu.state.memory(machine_.memory);
        return is_by_call_frames(cpu) ? backtrace(cpu.state, memory, symbols_)
                                      : backtrace_by_frame_pointers(cpu.state, memory, symbols_);
    }

    /// A file of 32 bits may hold 64-bit code, and the other way round: of what is not ours nobody
    /// knows which the call-frame information is for.
    bool is_by_call_frames(const StoppedCpu& cpu) const {
        return machine_.own && cpu.state.code_segment().size == CodeSize::bits_64;
    }

    std::string show_activity(const StoppedCpu& cpu) const {
        return fmt::format("vCPU {}: {}\n", cpu.index, activity_text(cpu));
    }

    std::string show_briefly(const StoppedCpu& cpu) const {
        const CpuState& state = cpu.state;
        return fmt::format("vCPU {}: {}, in {}; rip {:x} rsp {:x} cr3 {:x}\n", cpu.index,
                           activity_text(cpu), symbols_.describe(state.code()), state.general.rip,
                           state.general.rsp, state.special.cr3);
    }

    std::string show(const StoppedCpu& cpu) const {
        std::string text = fmt::format("vCPU {}: {}\n", cpu.index,
                                       ended(cpu)           ? "ended the run: " + what_happened(cpu)
                                       : cpu.has_panicked() ? panic_text(cpu)
                                                            : activity_text(cpu));
        if (ended(cpu) && what_happened(cpu) != outcome_.detail && !outcome_.detail.empty()) {
            text += indent(outcome_.detail, 2);
        }
        text += cpu.trap ? "  registers at the fault\n" : "  registers\n";
        text += indent(show_registers(cpu.state), 4);
        if (registers_are_lost(cpu)) {
            return text +
                   "  KVM has reset this vCPU, as it does on AMD after a triple fault: these "
                   "registers are not the guest's any more\n" +
                   show_what_is_left(cpu);
        }
        return text + show_what_it_ran(cpu) + show_walks(cpu);
    }

    std::string show_what_is_left(const StoppedCpu& cpu) const {
        return machine_.own
                   ? "  what it has left in memory\n" +
                         indent(show_left_behind(machine_, *machine_.own, symbols_, cpu.index), 4)
                   : "";
    }

    std::string show_what_it_ran(const StoppedCpu& cpu) const {
        const CpuState& state = cpu.state;
        return fmt::format(
                   "  code{}\n{}",
                   state.rip_is_behind ? " (RIP is behind the instruction that stopped it)" : "",
                   indent(show_code(state.memory(machine_.memory), symbols_, state.general.rip,
                                    state.rip_is_behind, state.code_segment()),
                          4)) +
               show_backtrace_of(cpu);
    }

    /// The instruction alone, where it can be told from its neighbours, and the backtrace.
    std::string show_fault(const StoppedCpu& cpu) const {
        const CpuState& state = cpu.state;
        if (registers_are_lost(cpu)) {
            return "";
        }
        return fmt::format("vCPU {}\n", cpu.index) +
               indent(show_instruction(state.memory(machine_.memory), symbols_, state.general.rip,
                                       state.rip_is_behind, state.code_segment()),
                      4) +
               show_backtrace_of(cpu);
    }

    std::string show_backtrace_of(const StoppedCpu& cpu) const {
        return fmt::format("  backtrace{}\n",
                           is_by_call_frames(cpu) ? "" : " (by frame pointers)") +
               indent(show_backtrace(backtrace_of(cpu), symbols_), 4);
    }

    std::string show_walks(const StoppedCpu& cpu) const {
        const CpuState& state = cpu.state;
        if (state.paging().mode == PagingMode::none) {
            return "";
        }
        const std::uint64_t rip = state.linear_rip();
        const std::uint64_t cr2 = state.special.cr2;
        const paging::AccessMode mode = state.access_mode();
        const auto error = cpu.page_fault();
        std::string text;
        if (stack_overflow(cpu)) {
            text += show_walk_of("CR2", state, cr2, {paging::AccessType::write, mode});
        } else if (error) {
            text += show_walk_of("CR2", state, cr2, access_of(*error, cr2, rip), error);
        } else if (cr2 != 0) {
            text += show_walk_of("CR2 (of an earlier page fault)", state, cr2,
                                 {paging::AccessType::read, mode});
        }
        if (!error || cr2 != rip) {
            text += show_walk_of("RIP", state, rip, {paging::AccessType::fetch, mode});
        }
        return text + show_walk_of("RSP", state, state.on_stack(state.general.rsp),
                                   {paging::AccessType::write, mode});
    }

    std::string show_walk_of(std::string_view name, const CpuState& state, std::uint64_t address,
                             paging::Access access,
                             std::optional<arch::PageFaultError> reported = {}) const {
        return fmt::format("  page walk of {} {:#x}, {}\n", name, address, access_text(access)) +
               indent(show_walk(machine_.memory, state.paging(), address, access,
                                state.control_state(machine_.vcpus.features()), reported),
                      4);
    }

    static std::string show_log(const DiagnosedLog& log, std::size_t most) {
        if (log.lines.empty()) {
            return fmt::format("{}: no log lines\n", log.came_by);
        }
        const auto shown = std::span(log.lines).last(std::min(log.lines.size(), most));
        std::string text = fmt::format("{}: the last {} of {} log lines\n", log.came_by,
                                       shown.size(), log.lines.size() + log.left_out);
        for (const std::string& line : shown) {
            text += indent(line, 2);
        }
        return text;
    }

    const StoppedMachine& machine_;
    const Outcome& outcome_;
    Symbols symbols_;
    Waiting waiting_;
    std::vector<StoppedCpu> cpus_;
    std::string unreadable_;  ///< what KVM said about the vCPUs that are not in `cpus_`
};

}  // namespace

Diagnosis diagnose(const StoppedMachine& machine, const Outcome& outcome, const DiagnosedLog& log,
                   DebugInformation use) {
    return Diagnostician(machine, outcome, use).diagnose(log);
}

}  // namespace nestbed::vmm
