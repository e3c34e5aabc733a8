// Interrupts that the test device raises, by the I/O APIC. Each is waited for without end.
#include "multiboot.inc"

.set local_apic, 0xFEE00000
.set io_apic_index, 0xFEC00000
.set io_apic_data, 0xFEC00010
.set line_5, 0x2005
.set line_0, 0x2000
.set apic_base, 0x1B
.set x2apic_end_of_interrupt, 0x80B

.bss
.align 8
idt: .skip 256 * 8
.section .data
idt_pointer:
    .word 256 * 8 - 1
    .long idt
counts: .skip 256
is_x2apic: .long 0

.text
.macro handler vector
handler_\vector:
    incb counts + \vector
    pusha
    call end_interrupt
    popa
    iret
.endm
    handler 0x45
    handler 0x40
    handler 0x42
    handler 0x46

function end_interrupt
    cmpl $0, is_x2apic
    jne 1f
    movl $0, local_apic + 0xB0
    ret
1:  mov $x2apic_end_of_interrupt, %ecx
    xor %eax, %eax
    xor %edx, %edx
    wrmsr
    ret

.macro gate vector
    mov $handler_\vector, %eax
    mov %ax, idt + \vector * 8
    movw %cs, idt + \vector * 8 + 2
    movw $0x8E00, idt + \vector * 8 + 4
    shr $16, %eax
    mov %ax, idt + \vector * 8 + 6
.endm

// Edge-triggered, to the CPU with ID 0.
.macro redirect pin, vector
    movl $(0x10 + 2 * \pin + 1), io_apic_index
    movl $0, io_apic_data
    movl $(0x10 + 2 * \pin), io_apic_index
    movl $\vector, io_apic_data
.endm

.macro raise line
    mov $\line, %edx
    mov $1, %al
    outb %al, %dx
    xor %eax, %eax
    outb %al, %dx
.endm

.macro wait_for vector
    sti
.Lwait\@:
    pause
    cmpb $0, counts + \vector
    je .Lwait\@
    cli
.endm

begin
    lgdt low_gdt_pointer
    ljmp $8, $1f
1:  load_flat_segments
    gate 0x40
    gate 0x42
    gate 0x45
    gate 0x46
    lidt idt_pointer
    // The PICs would have the same interrupts a second time.
    mov $0xFF, %al
    outb %al, $0x21
    outb %al, $0xA1
    movl $0x1FF, local_apic + 0xF0
    redirect 0, 0x40
    redirect 2, 0x42
    redirect 5, 0x45
    redirect 6, 0x46

    raise line_5
    cmpb $0, counts + 0x45
    expect e, "none comes while they are off"
    wait_for 0x45
    say "PASS: line 5 comes\n"
    cmpb $0, counts + 0x46
    expect e, "no other line comes"
    raise line_0
    wait_for 0x42
    say "PASS: line 0 comes at pin 2\n"
    cmpb $0, counts + 0x40
    expect e, "line 0 does not come at pin 0"

    mov $1, %eax
    cpuid
    test $(1 << 21), %ecx
    jz no_x2apic
    mov $apic_base, %ecx
    rdmsr
    or $0x400, %eax
    wrmsr
    movl $1, is_x2apic
    movb $0, counts + 0x45
    raise line_5
    wait_for 0x45
    say "PASS: line 5 comes with an x2APIC\n"
    jmp ends
no_x2apic:
    say "SKIP: there is no x2APIC\n"
ends:
    finish
