// What a guest tells of its runtime: its stacks, below each of which the VMM leaves pages unmapped,
// and where its CPUs say what they are at, which the VMM reads when a test hangs or has died.
#pragma once

#include <cstdint>

#include "pointer.hpp"

namespace nestbed::channel {

enum class StackKind : std::uint64_t {
    kernel = 0,
    from_user = 1,  ///< RSP0: interrupts and exceptions that come in user mode
    nmi = 2,
    double_fault = 3,
    user = 4,
};

/// The stacks of a kind, one for each possible CPU: that of CPU n is, with its guard,
/// [first + n * stride, first + n * stride + guard_bytes + bytes). All are multiples of 4 KiB.
/// Those of CPUs that a VM does not have are not mapped.
struct Stacks {
    Pointer<const void> first;
    StackKind kind;
    std::uint64_t guard_bytes;
    std::uint64_t bytes;
    std::uint64_t stride;
};
static_assert(sizeof(Stacks) == 40);

inline constexpr std::uint64_t max_stack_kinds = 8;

/// What a CPU waits for.
enum class WaitKind : std::uint32_t {
    nothing = 0,
    cpu = 1,      ///< wait_for: until the work of CPU `number` is done
    meeting = 2,  ///< until `number` CPUs have come to the Rendezvous `place`
};

struct Wait {
    WaitKind kind;
    std::uint32_t number;
    Pointer<const void> place;
};
static_assert(sizeof(Wait) == 16);

/// What a CPU says of itself, for the VMM alone. KVM on AMD resets a CPU at a triple fault: what it
/// had in CR3 is known from here only.
struct CpuMarks {
    Wait wait;
    std::uint64_t root;       ///< the last that it has loaded, by its address; 0: that of its boot
    std::uint64_t next_root;  ///< the same, when it was about to be loaded
};
static_assert(sizeof(CpuMarks) == 32);

/// Null pointers where a guest does not say.
struct GuestRuntime {
    Pointer<const Stacks> stacks;
    std::uint64_t stack_kinds;      ///< how many `stacks` there are
    Pointer<const CpuMarks> marks;  ///< of CPU 0; those of CPU n are n * `mark_stride` bytes on
    std::uint64_t mark_stride;
};
static_assert(sizeof(GuestRuntime) == 32);

}  // namespace nestbed::channel
