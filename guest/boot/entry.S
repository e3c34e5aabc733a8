// The first instruction of every vCPU. The VMM has set 64-bit mode, paging, flat segments and
// RFLAGS.IF = 0; %rdi is the boot-info page, %rsi the CPU's index. Application processors start here
// as well: there is no real-mode trampoline.

#include "guest/kernel/call_frame.h"
#include "guest/kernel/stack_size.h"

    .section .text.entry, "ax"
    .globl guest_entry
    function guest_entry
    .cfi_undefined rip          // ends every backtrace
    // Stack n, with its guard, ends at kernel_stacks + (n + 1) * their size.
    lea 1(%rsi), %rax
    imul $(STACK_GUARD_SIZE + KERNEL_STACK_SIZE), %rax, %rax
    lea kernel_stacks(%rax), %rsp
    xor %ebp, %ebp              // ends one by frame pointers
    call guest_start
    ud2                         // guest_start does not return
    end_function guest_entry

    .bss
    .balign 4096
    .globl kernel_stacks
kernel_stacks:
    .skip (STACK_GUARD_SIZE + KERNEL_STACK_SIZE) * MAX_CPUS

    .section .note.GNU-stack, "", @progbits
