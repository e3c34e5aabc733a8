// The 256 interrupt stubs, 16 bytes each from the very start of the kernel image, so that the IDT is
// a compile-time constant (guest/kernel/interrupts.cpp). Every stub leaves the same frame:
// channel::TrapFrame.

    .section .vectors, "ax"
    .globl interrupt_vectors
    .balign 4096
interrupt_vectors:
    vector = 0
    .rept 256
    .balign 16
    // 8, 10 to 14, 17 and 21 push an error code (arch::pushes_error_code).
    .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21)
    pushq $0
    .endif
    pushq $vector
    jmp trap_entry
    vector = vector + 1
    .endr

    .text
trap_entry:
    push %rax
    push %rbx
    push %rcx
    push %rdx
    push %rsi
    push %rdi
    push %rbp
    push %r8
    push %r9
    push %r10
    push %r11
    push %r12
    push %r13
    push %r14
    push %r15
    // Frame pointer of the interrupted code stays in %rbp: a backtrace goes through.
    mov %rsp, %rdi
    cld
    call trap_dispatch
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rbp
    pop %rdi
    pop %rsi
    pop %rdx
    pop %rcx
    pop %rbx
    pop %rax
    add $16, %rsp               // vector and error code
    iretq

    .section .note.GNU-stack, "", @progbits
