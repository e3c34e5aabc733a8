// Dies, in the way and in the mode that the first letter asks for.
#include "multiboot.inc"

.bss
.align 4096
level_4: .skip 4096
level_3: .skip 4096
level_2: .skip 4 * 4096
level_32: .skip 4096
.section .data
.align 8
empty_idt:
    .word 0
    .long 0

begin
    get_arguments
    say "goes on to die\n"
    get_arguments
    on 't', triple_faults
    on 'h', halts
    on 'i', is_not_emulated
    on 'r', real
    on 'p', in_protected_mode
    on '3', with_32_bits
    on 'a', with_pae
    on 'l', long
    finish

triple_faults:
    lidt empty_idt
    ud2

function halts
    cli
    hlt
    jmp halts

// KVM's emulator has no MMX addition, and memory-mapped I/O is always emulated.
function is_not_emulated
    paddd 0xFF000000, %mm0
    finish

function in_protected_mode
    die
    hlt

real:
    enter_real_mode in_real_mode
    .section .low, "ax"
    .code16
function in_real_mode
    die
    hlt
    .previous
    .code32

with_32_bits:
    movl $0x83, level_32
    mov %cr4, %eax
    or $0x10, %eax
    mov %eax, %cr4
    mov $level_32, %eax
    call turn_paging_on
function in_32_bit_paging
    die
    hlt

with_pae:
    movl $0x83, level_2
    movl $(level_2 + 1), level_3
    mov %cr4, %eax
    or $0x20, %eax
    mov %eax, %cr4
    mov $level_3, %eax
    call turn_paging_on
function in_pae
    die
    hlt

long:
    movl $0x83, level_2
    movl $(level_2 + 3), level_3
    movl $(level_3 + 3), level_4
    mov %cr4, %eax
    or $0x20, %eax
    mov %eax, %cr4
    mov $0xC0000080, %ecx
    rdmsr
    or $0x100, %eax
    wrmsr
    mov $level_4, %eax
    call turn_paging_on
    lgdt low_gdt_pointer
    ljmp $0x28, $in_long_mode
    .code64
function in_long_mode
    die
    hlt
    .code32

// eax: the root.
turn_paging_on:
    mov %eax, %cr3
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0
    ret
