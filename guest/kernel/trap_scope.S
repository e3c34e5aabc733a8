// Entering code that may end in a trap, and coming back from either end. See trap_scope.hpp.
//
// The kernel side's callee-saved registers and RFLAGS are on its stack, its stack pointer in
// TrapScope::stack_pointer (offset 0). Returning 0 means "came back by itself", 1 "by a trap".

    .macro save_kernel_side
    pushfq
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, (%rdi)
    .endm

    .text

// uint64_t trap_scope_call(TrapScope*, void (*function)(void*), void* argument)
    .globl trap_scope_call
trap_scope_call:
    save_kernel_side            // 7 registers and the return address: %rsp is 16-byte aligned
    mov %rdx, %rdi
    call *%rsi
    xor %eax, %eax
    jmp restore_kernel_side

// uint64_t trap_scope_enter_user(TrapScope*, const UserContext*)
// UserContext: rip, rsp, rflags, rdi, rsi, rax. It never comes back by itself.
    .globl trap_scope_enter_user
trap_scope_enter_user:
    save_kernel_side
    pushq $0x2B                 // selector::user_data
    pushq 8(%rsi)
    pushq 16(%rsi)
    pushq $0x33                 // selector::user_code
    pushq (%rsi)
    mov 24(%rsi), %rdi
    mov 40(%rsi), %rax
    mov 32(%rsi), %rsi
    xor %ebp, %ebp              // ends the user side's backtrace
    iretq

// [[noreturn]] void trap_scope_leave(TrapScope*): from a trap handler, whose frame is given up
    .globl trap_scope_leave
trap_scope_leave:
    mov (%rdi), %rsp
    mov $1, %eax
restore_kernel_side:
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    popfq
    ret

    .section .note.GNU-stack, "", @progbits
