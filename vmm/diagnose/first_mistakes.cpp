#include "vmm/diagnose/first_mistakes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "shared/arch/exceptions.hpp"

namespace nestbed::vmm {

namespace {

bool is_vector(const StoppedCpu& cpu, arch::Exception exception) {
    return cpu.trap && cpu.trap->vector == static_cast<std::uint64_t>(exception);
}

/// The stack whose guard stopped the vCPU. A page fault that kernel mode could be told of, on a
/// stack that has room, was no overflow.
std::optional<GuestStack> overflown_stack(const StoppedCpu& cpu, const GuestStacks& stacks,
                                          Ending ending) {
    const auto at_cr2 = stacks.guarded_at(cpu.state.special.cr2);
    if (cpu.trap && cpu.trap->from_user() && cpu.page_fault()) {
        return at_cr2;
    }
    if (is_vector(cpu, arch::Exception::double_fault) || ending == Ending::triple_fault) {
        // Or what the push of an interrupt would have met.
        return at_cr2 ? at_cr2 : stacks.guarded_at(cpu.state.general.rsp - 1);
    }
    // A handler for double faults that overflows its own stack starts again, for ever.
    const bool is_endless = ending == Ending::timed_out && at_cr2 && !cpu.has_panicked() &&
                            at_cr2->kind == channel::StackKind::double_fault;
    return is_endless ? at_cr2 : std::nullopt;
}

/// An access of user mode to the kernel image.
bool reaches_kernel_image(const StoppedCpu& cpu, const ElfImage& image) {
    const std::uint64_t cr2 = cpu.state.special.cr2;
    return cpu.page_fault() && cpu.trap->from_user() &&
           std::ranges::any_of(image.segments(), [&](const Segment& segment) {
               return !segment.user && cr2 >= segment.virtual_address &&
                      cr2 - segment.virtual_address < segment.memory_size;
           });
}

/// What the macros and the state of a CPU are made of. A template's name starts with what it
/// returns.
bool is_of_harness(std::string_view name) {
    return name == "guest::cpu_areas" || name.starts_with("guest::send_failure") ||
           name.starts_with("void guest::send_failure<") || name.starts_with("guest::finish_test");
}
constexpr std::string_view harness_text =
    "user code used GUEST_LOG, GUEST_EXPECT or this_cpu_index, which work in kernel mode only: "
    "return the value";

/// The variable of which `name` tells whether it is initialised.
std::optional<std::string_view> guarded_by(std::string_view name) {
    constexpr std::string_view guard = "guard variable for ";
    return name.starts_with(guard) ? std::optional(name.substr(guard.size())) : std::nullopt;
}

std::string accessed_text(const Symbols& symbols, std::uint64_t address) {
    const auto symbol = symbols.at(address);
    return symbol ? symbol->name
                  : fmt::format("{:#x} (a string literal, or a constant that the compiler made)",
                                address);
}

}  // namespace

std::optional<std::string> stack_overflow_text(const StoppedCpu& cpu, const ElfImage& image,
                                               Ending ending) {
    const auto stack = overflown_stack(cpu, image.stacks(), ending);
    if (!stack) {
        return std::nullopt;
    }
    const std::string whose =
        stack->cpu == cpu.index ? "its" : fmt::format("vCPU {}'s", stack->cpu);
    return fmt::format("stack overflow of vCPU {}: {} {} has {} KiB", cpu.index, whose,
                       name_of(stack->kind), (stack->memory.end - stack->memory.begin) >> 10);
}

bool is_user_call_of_kernel(const StoppedCpu& cpu, const ElfImage& image) {
    return reaches_kernel_image(cpu, image) && cpu.state.special.cr2 == cpu.state.general.rip;
}

std::optional<std::string> user_reach_text(const StoppedCpu& cpu, const ElfImage& image,
                                           const Symbols& symbols) {
    if (!reaches_kernel_image(cpu, image)) {
        return std::nullopt;
    }
    const std::uint64_t address = cpu.state.special.cr2;
    const auto symbol = symbols.at(address);
    if (symbol && is_of_harness(symbol->name)) {
        return std::string(harness_text);
    }
    if (const auto variable = symbol ? guarded_by(symbol->name) : std::nullopt) {
        return fmt::format(
            "user code came to {}, which is initialised at run time, by kernel "
            "code: initialise it with a constant",
            *variable);
    }
    if (is_user_call_of_kernel(cpu, image)) {
        const auto function = symbols.function_at(address);
        return fmt::format("user code called {}, which is not GUEST_USER",
                           function ? function->name : fmt::format("{:#x}", address));
    }
    return fmt::format("user code {} {}, which is in the kernel image: make it GUEST_USER_DATA",
                       cpu.page_fault()->write() ? "wrote" : "read",
                       accessed_text(symbols, address));
}

}  // namespace nestbed::vmm
