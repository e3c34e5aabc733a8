// The user side of run_user: called with the function in %rax. UD2 is the way back into the kernel
// that every KVM has: SYSCALL and INT n are refused where kernel mode is interpreted.

#include "guest/kernel/call_frame.h"
#include "guest/kernel/stack_size.h"

    .section .user.text, "ax", @progbits
    .globl user_entry
    function user_entry
    .cfi_undefined rip          // ends the user side's backtrace
    call *%rax
    .globl user_returned
user_returned:
    ud2
    end_function user_entry

    .section .user.bss, "aw", @nobits
    .balign 4096
    .globl user_stacks
user_stacks:
    .skip (STACK_GUARD_SIZE + USER_STACK_SIZE) * MAX_CPUS

    .section .note.GNU-stack, "", @progbits
