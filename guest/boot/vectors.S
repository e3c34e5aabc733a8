// The 256 interrupt stubs, 16 bytes each from the very start of the kernel image, so that the IDT is
// a compile-time constant (guest/kernel/interrupts.cpp). Every stub leaves the same frame:
// channel::TrapFrame.

#include "guest/kernel/call_frame.h"

    // The caller is the interrupted code, in the five words that the processor pushed; `below` them
    // the stubs have pushed so many bytes more.
    .macro interrupt_function name, below
    function \name, simple
    .cfi_signal_frame
    .cfi_def_cfa rsp, 40 + \below
    .cfi_offset rip, -40
    .cfi_offset rsp, -16
    .endm

    .section .vectors, "ax"
    .globl interrupt_vectors
    .balign 4096
    interrupt_function interrupt_vectors, 0
    vector = 0
    .rept 256
    .balign 16
    // 8, 10 to 14, 17 and 21 push an error code (arch::pushes_error_code).
    .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21)
    .cfi_def_cfa_offset 40
    pushq $0
    .endif
    .cfi_def_cfa_offset 48
    pushq $vector
    .cfi_def_cfa_offset 56
    jmp trap_entry
    vector = vector + 1
    .endr
    end_function interrupt_vectors

    .text
    interrupt_function trap_entry, 16
    save_register rax
    save_register rbx
    save_register rcx
    save_register rdx
    save_register rsi
    save_register rdi
    save_register rbp
    save_register r8
    save_register r9
    save_register r10
    save_register r11
    save_register r12
    save_register r13
    save_register r14
    save_register r15
    // The frame pointer of the interrupted code stays in %rbp.
    mov %rsp, %rdi
    cld
    call trap_dispatch
    restore_register r15
    restore_register r14
    restore_register r13
    restore_register r12
    restore_register r11
    restore_register r10
    restore_register r9
    restore_register r8
    restore_register rbp
    restore_register rdi
    restore_register rsi
    restore_register rdx
    restore_register rcx
    restore_register rbx
    restore_register rax
    add $16, %rsp               // vector and error code
    .cfi_adjust_cfa_offset -16
    iretq
    end_function trap_entry

    .section .note.GNU-stack, "", @progbits
