// Devices at ports and in memory, each in every width, with and without string instructions; and
// places where there is no device.
#include "multiboot.inc"

.set selector, 0x510
.set configuration, 0x511
.set latch, 0xE0
.set io_memory, 0xFF000000
.set nobodys_port, 0x1234
.set nobodys_memory, 0xFD000000

.bss
bytes: .skip 64

.macro select item
    mov $\item, %eax
    mov $selector, %edx
    outw %ax, %dx
    mov $configuration, %edx
.endm

// Into the first bytes of `bytes`.
.macro read_item item, count
    select \item
    mov $bytes, %edi
    mov $\count, %ecx
    cld
    rep insb
.endm

begin
    read_item 0, 4
    cmpl $0x554D4551, bytes  // "QEMU"
    expect e, "fw_cfg: signature"
    read_item 3, 8
    say "memory "
    say_hex bytes+4
    say_hex bytes
    say "\ncpus "
    read_item 5, 2
    movzwl bytes, %ebp
    say_hex %ebp
    say "\n"
    select 5
    inb %dx, %al
    movzbl %al, %ebx
    cmp %ebp, %ebx
    expect e, "fw_cfg: a selection begins at the first byte"
    mov $selector, %edx
    inw %dx, %ax
    mov $configuration, %edx
    inb %dx, %al
    mov %al, %bl
    inb %dx, %al
    or %bl, %al
    expect z, "fw_cfg: zeros behind the end"
    movl $-1, bytes
    read_item 0x7777, 4
    cmpl $0, bytes
    expect e, "fw_cfg: zeros where there is no item"

    mov $latch, %edx
    mov $0x12345678, %eax
    outl %eax, %dx
    xor %eax, %eax
    inl %dx, %eax
    cmp $0x12345678, %eax
    expect e, "latch: a double word"
    mov $latch, %edx
    inb %dx, %al
    cmp $0x78, %al
    expect e, "latch: its first byte"
    mov $(latch + 3), %edx
    inb %dx, %al
    cmp $0x12, %al
    expect e, "latch: its last byte"
    mov $(latch + 1), %edx
    mov $0xAB, %al
    outb %al, %dx
    mov $(latch + 2), %edx
    mov $0xBEEF, %eax
    outw %ax, %dx
    mov $latch, %edx
    inl %dx, %eax
    cmp $0xBEEFAB78, %eax
    expect e, "latch: a byte and a word of it"
    mov $latch, %edx
    inw %dx, %ax
    cmp $0xAB78, %ax
    expect e, "latch: a word"
    movl $0x11223344, bytes
    movl $0x55667788, bytes + 4
    mov $latch, %edx
    mov $bytes, %esi
    mov $2, %ecx
    rep outsl
    mov $(bytes + 8), %edi
    mov $3, %ecx
    rep insl
    cmpl $0x55667788, bytes + 8
    expect e, "latch: the last double word of a string"
    cmpl $0x55667788, bytes + 16
    expect e, "latch: a string of double words that are read"
    mov $latch, %edx
    mov $(bytes + 4), %esi
    mov $2, %ecx
    std
    rep outsw
    cld
    inw %dx, %ax
    cmp $0x1122, %ax
    expect e, "latch: a string of words, backwards"
    mov $0xE8, %edx
    mov $0x5A, %al
    outb %al, %dx
    xor %eax, %eax
    inb %dx, %al
    cmp $0x5A, %al
    expect e, "the latch of a byte"

    mov $nobodys_port, %edx
    xor %eax, %eax
    outb %al, %dx
    outw %ax, %dx
    outl %eax, %dx
    inb %dx, %al
    cmp $0xFF, %eax
    expect e, "nobody's port: a byte"
    mov $nobodys_port, %edx
    xor %eax, %eax
    inw %dx, %ax
    cmp $0xFFFF, %eax
    expect e, "nobody's port: a word"
    mov $nobodys_port, %edx
    xor %eax, %eax
    inl %dx, %eax
    cmp $0xFFFFFFFF, %eax
    expect e, "nobody's port: a double word"
    mov $nobodys_port, %edx
    movl $0, bytes
    mov $bytes, %edi
    mov $3, %ecx
    rep insb
    cmpl $0x00FFFFFF, bytes
    expect e, "nobody's port: a string"

    movb $0, nobodys_memory
    movw $0, nobodys_memory
    movl $0, nobodys_memory
    xor %eax, %eax
    movb nobodys_memory, %al
    cmp $0xFF, %eax
    expect e, "nobody's memory: a byte"
    xor %eax, %eax
    movw nobodys_memory, %ax
    cmp $0xFFFF, %eax
    expect e, "nobody's memory: a word"
    cmpl $0xFFFFFFFF, nobodys_memory
    expect e, "nobody's memory: a double word"

    movl $0x89ABCDEF, io_memory
    cmpl $0x89ABCDEF, io_memory
    expect e, "memory-mapped I/O: a double word"
    movb $0x11, io_memory + 1
    movw $0x2233, io_memory + 2
    cmpl $0x223311EF, io_memory
    expect e, "memory-mapped I/O: a byte and a word of it"
    cmpb $0x22, io_memory + 3
    expect e, "memory-mapped I/O: a byte that is read"
    cmpw $0x2233, io_memory + 2
    expect e, "memory-mapped I/O: a word that is read"
    movb $0x77, io_memory + 0xFFFF
    cmpb $0x77, io_memory + 0xFFFF
    expect e, "memory-mapped I/O: the last byte"
    movb $0x77, io_memory + 0x10000
    cmpb $0xFF, io_memory + 0x10000
    expect e, "memory-mapped I/O: no byte behind it"
    mov $hello, %esi
    mov $(hello_end - hello), %ecx
    mov $serial_port, %edx
    rep outsb
    finish

.section .rodata
hello: .ascii "a string to the serial port\n"
hello_end:
