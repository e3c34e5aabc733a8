// All of it is at 0x8000, where it goes into real mode.
#include "multiboot.inc"

begin
    enter_real_mode in_real_mode

.section .low, "ax"
.code16
in_real_mode:
    mov %cr0, %eax
    test $1, %al
    jnz fails
    // A segment has its base from its selector, as in no other mode.
    mov $0x900, %ax
    mov %ax, %es
    movb $0x42, %es:0x10
    cmpb $0x42, 0x9010
    jne fails
    int $0x42
back:
    cmp $0x1234, %bp
    jne fails
    say "PASS: real mode\n"
    leave_real_mode ends
fails:
    say "FAIL: real mode\n"
    incl failures
    leave_real_mode ends
service:
    mov $0x1234, %bp
    iret
.text
.code32
ends:
    load_flat_segments
    finish

// Its vector, in the table at 0.
.section .vector, "aw"
.word service, 0
