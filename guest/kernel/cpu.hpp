// What each CPU calls its own. GS.base points to it in kernel and in user mode alike: user code
// here is ours and leaves GS alone, so no SWAPGS is needed.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "guest/kernel/record_writer.hpp"
#include "guest/kernel/stack_size.h"
#include "shared/arch/descriptors.hpp"
#include "shared/channel/boot_info.hpp"
#include "shared/channel/runtime.hpp"

namespace nestbed::guest {

struct TrapScope;

/// The guard below is not mapped (guest/kernel/stack_size.h).
template <std::size_t size>
struct alignas(4096) GuardedStack {
    std::uint8_t guard[STACK_GUARD_SIZE];
    std::uint8_t memory[size];
};

inline constexpr std::uint64_t trap_stack_size = 8192;

/// Work for a CPU's idle loop: `function(argument)`.
struct Work {
    void (*function)(void*);
    void* argument;
};

/// Whoever gives the work takes a CPU from `none` to `given`, the CPU itself to `done`, and who
/// waits for it back to `none`.
enum class WorkState : std::uint8_t { none, given, done };

struct alignas(64) Cpu {
    Cpu* self;
    std::uint32_t index;
    std::uint32_t handler_depth;  ///< interrupt and exception handlers that run now
    TrapScope* trap_scope;        ///< the innermost one
    channel::PanicReport* panic_report;
    RecordWriter records;
    /// Belongs to this CPU while the work is `given`, to whoever gives it some otherwise.
    Work work;
    std::atomic<WorkState> work_state;
    channel::CpuMarks marks;
    arch::TaskStateSegment tss;
};

/// Stacks that the processor switches to by itself: on entry from user mode (RSP0), for NMI (IST 1)
/// and for double faults (IST 2). Apart from `Cpu` so that what is used all the time stays
/// together.
struct TrapStacks {
    GuardedStack<trap_stack_size> from_user;
    GuardedStack<trap_stack_size> nmi;
    GuardedStack<trap_stack_size> double_fault;
};
extern TrapStacks trap_stacks[channel::max_cpus];

inline constexpr std::uint8_t nmi_stack = 1;
inline constexpr std::uint8_t double_fault_stack = 2;

inline Cpu& this_cpu() {
    Cpu* cpu = nullptr;
    asm("mov %%gs:0, %0" : "=r"(cpu));
    return *cpu;
}

/// `this_cpu().index` by one load.
inline std::uint32_t this_cpu_index() {
    std::uint32_t index = 0;
    asm("mov %%gs:%c1, %0" : "=r"(index) : "i"(offsetof(Cpu, index)));
    return index;
}

/// While one of these exists, the calling CPU waits. None inside another.
///
/// The compiler sees nobody read what it leaves: without the atomic stores it could leave them out
/// or put them off until the wait is over. The kind comes last, for it says that the rest is there.
class WaitMark {
  public:
    WaitMark(channel::WaitKind kind, std::uint32_t number, const void* place)
        : wait_(this_cpu().marks.wait) {
        wait_.number = number;
        wait_.place = place;
        set_kind(kind);
    }
    ~WaitMark() { set_kind(channel::WaitKind::nothing); }
    WaitMark(const WaitMark&) = delete;
    WaitMark& operator=(const WaitMark&) = delete;

  private:
    void set_kind(channel::WaitKind kind) {
        std::atomic_ref(wait_.kind).store(kind, std::memory_order_release);
    }

    channel::Wait& wait_;
};

extern Cpu cpu_areas[channel::max_cpus];

/// Sets up the calling CPU: per-CPU area, GDT, TSS, IDT, local APIC. Interrupts stay off.
void initialize_cpu(std::uint32_t index, const channel::BootInfo& boot);

}  // namespace nestbed::guest
