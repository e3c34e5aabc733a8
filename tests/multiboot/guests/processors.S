// Starts all other processors by INIT, SIPI, SIPI. Each takes its turn to write lines of its own,
// while the others wait for theirs.
#include "multiboot.inc"

.set commands, 0xFEE00300
.set apic_id, 0xFEE00020

.section .data
.align 4
others: .long 0
lock_of_all: .long 0
seen: .long 0
done: .long 0
.bss
stacks: .skip 64 * 256
.text

// In the section .low, at a page.
.section .low, "ax"
.code16
.balign 4096
trampoline:
    xor %ax, %ax
    mov %ax, %ds
    leave_real_mode other_processor
.text
.code32

// Whole lines of one processor. ebp: its APIC ID.
write_lines:
    mov $20, %ebx
1:  mov $1, %eax
    xchg %eax, lock_of_all
    test %eax, %eax
    jz 2f
    pause
    jmp 1b
2:  say "processor "
    say_hex %ebp
    say " line "
    say_hex %ebx
    say "\n"
    movl $0, lock_of_all
    dec %ebx
    jnz 1b
    ret

function other_processor
    load_flat_segments
    mov apic_id, %ebp
    shr $24, %ebp
    mov %ebp, %esp
    inc %esp
    shl $8, %esp
    add $stacks, %esp
    lock bts %ebp, seen
    call write_lines
    lock incl done
1:  cli
    hlt
    jmp 1b

begin
    mov $5, %eax
    mov $0x510, %edx
    outw %ax, %dx
    mov $0x511, %edx
    inb %dx, %al
    movzbl %al, %eax
    dec %eax
    mov %eax, others
    // To all but itself.
    movl $0x000C4500, commands
    movl $(0x000C4600 + (trampoline_page)), commands
    movl $(0x000C4600 + (trampoline_page)), commands
    xor %ebp, %ebp
    call write_lines
wait_for_others:
    pause
    mov done, %eax
    cmp others, %eax
    jne wait_for_others
    mov others, %ecx
    inc %ecx
    mov $1, %eax
    shl %cl, %eax
    sub $2, %eax
    cmp %eax, seen
    expect e, "each has an ID of its own"
    finish

.set trampoline_page, 0x9
