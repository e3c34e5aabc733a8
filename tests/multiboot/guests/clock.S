// Prints the time of the clock, in UTC, as it stands in two looks that agree.
#include "multiboot.inc"

.section .data
.align 4
// Century, year, month, day, hour, minute, second, day of the week.
registers: .byte 50, 9, 8, 7, 4, 2, 0, 6
first: .skip 8
second: .skip 8

.text
look:
    xor %ebx, %ebx
1:  mov registers(%ebx), %al
    outb %al, $0x70
    inb $0x71, %al
    mov %al, (%edi, %ebx)
    inc %ebx
    cmp $8, %ebx
    jne 1b
    ret

begin
1:  mov $first, %edi
    call look
    mov $second, %edi
    call look
    mov first, %eax
    cmp second, %eax
    jne 1b
    mov first + 4, %eax
    cmp second + 4, %eax
    jne 1b
    say "time "
    mov first, %eax
    bswap %eax
    say_hex %eax
    mov first + 4, %eax
    bswap %eax
    say_hex %eax
    say "\n"

    mov $13, %al
    outb %al, $0x70
    inb $0x71, %al
    test $0x80, %al
    expect nz, "its memory is valid"
    mov $11, %al
    outb %al, $0x70
    inb $0x71, %al
    and $6, %al
    cmp $2, %al
    expect e, "24 hours, decimal"
    mov $(0x80 + 0x40), %al
    outb %al, $0x70
    mov $0xA5, %al
    outb %al, $0x71
    mov $0x41, %al
    outb %al, $0x70
    xor %eax, %eax
    outb %al, $0x71
    mov $0x40, %al
    outb %al, $0x70
    inb $0x71, %al
    cmp $0xA5, %al
    expect e, "its memory keeps what is written"
    // An update comes once in a second, and shows.
    mov $10, %al
    outb %al, $0x70
1:  inb $0x71, %al
    test $0x80, %al
    jz 1b
2:  inb $0x71, %al
    test $0x80, %al
    jnz 2b
    say "PASS: updates come and go\n"
    finish
