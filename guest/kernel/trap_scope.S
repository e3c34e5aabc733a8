// Entering code that may end in a trap, and coming back from either end. See trap_scope.hpp.
//
// The kernel side's callee-saved registers and RFLAGS are on its stack, its stack pointer in
// TrapScope::stack_pointer (offset 0). Returning 0 means "came back by itself", 1 "by a trap".

#include "guest/kernel/call_frame.h"

    .macro save_kernel_side
    pushfq
    .cfi_adjust_cfa_offset 8
    save_register rbx
    save_register rbp
    save_register r12
    save_register r13
    save_register r14
    save_register r15
    mov %rsp, (%rdi)
    .endm

    .text

// uint64_t trap_scope_call(TrapScope*, void (*function)(void*), void* argument)
    .globl trap_scope_call
    function trap_scope_call
    save_kernel_side            // 7 registers and the return address: %rsp is 16-byte aligned
    mov %rdx, %rdi
    call *%rsi
    xor %eax, %eax
    jmp restore_kernel_side
    end_function trap_scope_call

// uint64_t trap_scope_enter_user(TrapScope*, const UserContext*)
// UserContext: rip, rsp, rflags, rdi, rsi, rax. It never comes back by itself.
    .globl trap_scope_enter_user
    function trap_scope_enter_user
    save_kernel_side
    .macro push_for_iretq operand
    pushq \operand
    .cfi_adjust_cfa_offset 8
    .endm
    push_for_iretq $0x2B        // selector::user_data
    push_for_iretq 8(%rsi)
    push_for_iretq 16(%rsi)
    push_for_iretq $0x33        // selector::user_code
    push_for_iretq (%rsi)
    mov 24(%rsi), %rdi
    mov 40(%rsi), %rax
    mov 32(%rsi), %rsi
    xor %ebp, %ebp              // ends the user side's backtrace
    iretq
    end_function trap_scope_enter_user

// [[noreturn]] void trap_scope_leave(TrapScope*): from a trap handler, whose frame is given up
    .globl trap_scope_leave
    function trap_scope_leave
    mov (%rdi), %rsp
    .cfi_def_cfa_offset 64      // what save_kernel_side left
    .cfi_offset rbx, -24
    .cfi_offset rbp, -32
    .cfi_offset r12, -40
    .cfi_offset r13, -48
    .cfi_offset r14, -56
    .cfi_offset r15, -64
    mov $1, %eax
restore_kernel_side:
    restore_register r15
    restore_register r14
    restore_register r13
    restore_register r12
    restore_register rbp
    restore_register rbx
    popfq
    .cfi_adjust_cfa_offset -8
    ret
    end_function trap_scope_leave

    .section .note.GNU-stack, "", @progbits
