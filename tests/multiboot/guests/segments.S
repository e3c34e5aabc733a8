// Segments go to where they are physically, and what is not in the file is zero.
#include "multiboot.inc"

.section .moved, "aw"
moved: .long 0x600DF00D
.section .moved_bss, "aw", @nobits
moved_zeros: .skip 0x10000 - 4
.section .data
value: .long 0x12345678
.bss
zeros: .skip 0x10000

begin
    cmpl $0x600DF00D, 0x300000
    expect e, "a segment is at its physical address"
    cmpl $0x12345678, value
    expect e, "data"
    xor %eax, %eax
    mov $zeros, %edi
    mov $(0x10000 / 4), %ecx
    repe scasl
    expect e, "bss is zero"
    xor %eax, %eax
    mov $0x300004, %edi
    mov $((0x10000 - 4) / 4), %ecx
    repe scasl
    expect e, "the rest of a segment is zero"
    cmpl $0x44556677, low_value
    expect e, "a segment below 1 MiB"
    finish

.section .low, "ax"
low_value: .long 0x44556677
