// Sleeps in S3 and wakes up at its waking vector. By its first letter: with an alarm (a), without
// one (n), without a vector (v), for ever (o: off).
#include "multiboot.inc"

.set control, 0x604
.set sleep_enable, 1 << 13
.set suspend, sleep_enable | 1 << 10
.set waking_vector, 0xF0100 + 12

.section .data
.align 4
marker: .long 0
state: .skip 64

.macro set_clock register, value
    mov $\register, %al
    outb %al, $0x70
    mov $\value, %al
    outb %al, $0x71
.endm

begin
    get_arguments
    movl $0x600DF00D, marker
    cmpl $0x53434146, 0xF0100  // "FACS"
    expect e, "the FACS is there"
    get_arguments
    movl $woken, waking_vector
    on 'o', off
    on 'n', sleeps
    set_clock 1, 0xC0
    set_clock 3, 0xC0
    set_clock 5, 0xC0
    set_clock 11, 0x22
    on 'a', sleeps
    movl $0, waking_vector
sleeps:
    say "sleeps\n"
    mov $suspend, %eax
    mov $control, %edx
    outw %ax, %dx
    say "FAIL: it goes on behind its sleep\n"
    hlt
off:
    say "switches itself off\n"
    mov $sleep_enable, %eax
    mov $control, %edx
    outw %ax, %dx
    hlt

.section .low, "ax"
.code16
// Not where a segment begins: it is a segment and an offset. In front of it is HLT.
.balign 16
.skip 4, 0xF4
woken:
    call 2f
2:  pop %bp
    mov $0x7000, %sp
    mov %cr0, %eax
    mov %eax, %ebx
    mov %cs, %di
    leave_real_mode awake
.text
.code32
awake:
    load_flat_segments
    mov $stack_end, %esp
    cmpl $0x600DF00D, marker
    expect e, "memory is kept"
    cmp $0x10, %ebx
    expect e, "it wakes up in real mode"
    shl $4, %edi
    and $0xFFF0, %edi
    and $0xFFFF, %ebp
    add %edi, %ebp
    cmp $2b, %ebp
    expect e, "it wakes up at its vector"
    finish
