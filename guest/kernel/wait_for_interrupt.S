// void wait_for_interrupt(): see instructions.hpp. The labels tell trap_dispatch where the HLT is.

#include "guest/kernel/call_frame.h"

    .text
    .globl wait_for_interrupt
    .globl waiting_instruction
    .globl after_waiting_instruction
    function wait_for_interrupt
    sti
waiting_instruction:
    hlt
after_waiting_instruction:
    cli
    ret
    end_function wait_for_interrupt

    .section .note.GNU-stack, "", @progbits
