// ACPI's tables, found as a guest finds them, and the timer that one of them names.
#include "multiboot.inc"

.section .data
.align 4
root: .long 0
fixed: .long 0
controllers: .long 0
sum_of_bytes: .long 0
processor_count: .long 0
.text

// Adds up ecx bytes at esi; ZF if they are 0.
add_up:
    xor %eax, %eax
1:  add (%esi), %al
    inc %esi
    loop 1b
    test %al, %al
    ret

.macro expect_checked_table register, text:vararg
    mov \register, %esi
    mov 4(%esi), %ecx
    call add_up
    expect z, \text
.endm

begin
    mov $0xE0000, %ebx
search:
    cmpl $0x20445352, (%ebx)  // "RSD "
    jne not_here
    cmpl $0x20525450, 4(%ebx)  // "PTR "
    je found
not_here:
    add $16, %ebx
    cmp $0x100000, %ebx
    jb search
    say "FAIL: there is no RSDP\n"
    incl failures
    finish
found:
    mov %ebx, %esi
    mov $20, %ecx
    call add_up
    expect z, "RSDP: checksum"
    mov 16(%ebx), %ebx
    mov %ebx, root
    cmpl $0x54445352, (%ebx)
    expect e, "RSDT: signature"
    expect_checked_table root, "RSDT: checksum"
    mov 4(%ebx), %ebp
    add %ebx, %ebp
    add $36, %ebx
table:
    mov (%ebx), %edi
    cmpl $0x50434146, (%edi)  // "FACP"
    jne 1f
    mov %edi, fixed
1:  cmpl $0x43495041, (%edi)  // "APIC"
    jne 1f
    mov %edi, controllers
1:  add $4, %ebx
    cmp %ebp, %ebx
    jb table
    expect e, "RSDT: whole entries"

    mov fixed, %ebx
    test %ebx, %ebx
    expect nz, "there is a FADT"
    expect_checked_table fixed, "FADT: checksum"
    mov 36(%ebx), %edi
    test $63, %edi
    expect z, "FACS: on 64 bytes"
    cmpl $0x53434146, (%edi)
    expect e, "FACS: signature"
    cmpl $64, 4(%edi)
    expect ae, "FACS: length"
    mov 40(%ebx), %edi
    cmpl $0x54445344, (%edi)
    expect e, "DSDT: signature"
    expect_checked_table %edi, "DSDT: checksum"
    cmpl $0, 56(%ebx)
    expect ne, "FADT: event registers"
    cmpl $0, 64(%ebx)
    expect ne, "FADT: control registers"
    cmpb $4, 91(%ebx)
    expect e, "FADT: length of the timer"

    expect_checked_table controllers, "MADT: checksum"
    mov controllers, %ebx
    cmpl $0xFEE00000, 36(%ebx)
    expect e, "MADT: local APIC"
    mov 4(%ebx), %ebp
    add %ebx, %ebp
    add $44, %ebx
controller:
    cmpb $0, (%ebx)
    jne 1f
    testl $1, 4(%ebx)
    jz 1f
    incl processor_count
1:  movzbl 1(%ebx), %eax
    add %eax, %ebx
    cmp %ebp, %ebx
    jb controller
    expect e, "MADT: whole entries"
    say "processors "
    say_hex processor_count

    say "\n"
    // Each of these waits for the timer to go on.
    mov $1000, %ebp
    mov fixed, %eax
    mov 76(%eax), %edx
    inl %dx, %eax
    mov %eax, %ebx
tick:
    inl %dx, %eax
    cmp %ebx, %eax
    je tick
    mov %eax, %ecx
    sub %ebx, %ecx
    and $0xFFFFFF, %ecx
    cmp $0x800000, %ecx
    jae backwards
    mov %eax, %ebx
    dec %ebp
    jnz tick
backwards:
    cmp $0, %ebp
    expect e, "the timer goes forward"
    test $0xFF000000, %ebx
    expect z, "the timer has 24 bits"
    finish
