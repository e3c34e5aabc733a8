// void wait_for_interrupt(): see instructions.hpp. The labels tell trap_dispatch where the HLT is.

    .text
    .globl wait_for_interrupt
    .globl waiting_instruction
    .globl after_waiting_instruction
    .type wait_for_interrupt, @function
wait_for_interrupt:
    sti
waiting_instruction:
    hlt
after_waiting_instruction:
    cli
    ret
    .size wait_for_interrupt, . - wait_for_interrupt

    .section .note.GNU-stack, "", @progbits
