// Memory from 4 GiB on, of a PC with 5 GiB: 3 of them are below and 2 above.
#include "multiboot.inc"

.bss
.align 4096
directories: .skip 4 * 4096
.section .data
.align 32
pointers:
    .long directories + 1, 0, directories + 4096 + 1, 0
    .long directories + 8192 + 1, 0, directories + 12288 + 1, 0
.text

.set first, 0x40000000   // linear; in each case 2 MiB
.set last, 0x40200000
.set behind, 0x40400000

// Bits 63:32 of a physical address, and the others with PS, R/W and P.
.macro map linear, high, low
    movl $(\low + 0x83), directories + (\linear >> 21) * 8
    movl $\high, directories + (\linear >> 21) * 8 + 4
.endm

begin
    map 0, 0, 0
    map first, 1, 0
    map last, 1, 0x7FE00000
    map behind, 1, 0x80000000
    mov %cr4, %eax
    or $0x20, %eax
    mov %eax, %cr4
    mov $pointers, %eax
    mov %eax, %cr3
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0

    movl $0x11111111, 0x600
    movl $0x22222222, first + 0x600
    movl $0x33333333, last + 0x1FFFFC
    cmpl $0x11111111, 0x600
    expect e, "memory at 0 is not that at 4 GiB"
    cmpl $0x22222222, first + 0x600
    expect e, "memory at 4 GiB"
    cmpl $0x33333333, last + 0x1FFFFC
    expect e, "memory at the end"
    movl $0, behind
    cmpl $0xFFFFFFFF, behind
    expect e, "no memory behind the end"
    finish
