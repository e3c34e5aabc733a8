// The ELF note that makes this file a nestbed guest: its tests, and what the VMM has to know of its
// runtime.

#include <iterator>

#include "guest/kernel/cpu.hpp"
#include "guest/kernel/stack_size.h"
#include "shared/channel/abi.hpp"
#include "shared/channel/test_descriptor.hpp"

namespace nestbed::guest {

extern "C" const channel::TestDescriptor guest_tests_begin[];
extern "C" const channel::TestDescriptor guest_tests_end[];
extern "C" const std::uint8_t kernel_stacks[];  // entry.S
extern "C" const std::uint8_t user_stacks[];    // guest/kernel/user_entry.S

namespace {

constexpr channel::Stacks trap_stacks_of(channel::StackKind kind,
                                         const GuardedStack<trap_stack_size>& of_cpu_0) {
    return {&of_cpu_0, kind, STACK_GUARD_SIZE, trap_stack_size, sizeof(TrapStacks)};
}

constexpr channel::Stacks stacks[] = {
    {kernel_stacks, channel::StackKind::kernel, STACK_GUARD_SIZE, KERNEL_STACK_SIZE,
     STACK_GUARD_SIZE + KERNEL_STACK_SIZE},
    trap_stacks_of(channel::StackKind::from_user, trap_stacks[0].from_user),
    trap_stacks_of(channel::StackKind::nmi, trap_stacks[0].nmi),
    trap_stacks_of(channel::StackKind::double_fault, trap_stacks[0].double_fault),
    {user_stacks, channel::StackKind::user, STACK_GUARD_SIZE, USER_STACK_SIZE,
     STACK_GUARD_SIZE + USER_STACK_SIZE},
};

/// ELF notes are 4-byte aligned, so the descriptor's pointers are not naturally aligned here.
struct [[gnu::packed]] Note {
    std::uint32_t name_size;
    std::uint32_t descriptor_size;
    std::uint32_t type;
    char name[sizeof(channel::note_name)];
    channel::GuestNote descriptor;
};

[[gnu::section(".note.nestbed"), gnu::used]] alignas(4) constinit const Note note{
    sizeof(channel::note_name),
    sizeof(channel::GuestNote),
    channel::note_type,
    {'n', 'e', 's', 't', 'b', 'e', 'd', '\0'},
    {channel::abi_version,
     sizeof(channel::TestDescriptor),
     guest_tests_begin,
     guest_tests_end,
     {stacks, std::size(stacks), &cpu_areas[0].marks, sizeof(Cpu)}}};

}  // namespace

}  // namespace nestbed::guest
