// The state that the loader hands over (Multiboot Specification 3.2).
#include "multiboot.inc"

.set kept_io_memory, 0xFF000000  // of the test device: at the far end of a flat segment

begin
    mov %eax, %edi
    cmp $loader_magic, %edi
    expect e, "eax is the magic number"
    test $3, %ebx
    expect z, "ebx is an aligned address"
    testl $0xFFFFFFFF, (%ebx)
    expect nz, "information is at ebx"
    mov %cr0, %eax
    cmp $0x11, %eax
    expect e, "cr0 is PE and ET"
    mov %cr4, %eax
    test %eax, %eax
    expect z, "cr4 is 0"
    mov $0xC0000080, %ecx
    rdmsr
    test %eax, %eax
    expect z, "efer is 0"
    pushf
    pop %eax
    test $0x200, %eax
    expect z, "interrupts are off"
    mov $1, %ebp
.irp segment, ds, es, fs, gs, ss
    mov %ebp, %\segment:kept_io_memory
    cmp %ebp, kept_io_memory
    expect e, "\segment is flat and can be written"
    inc %ebp
.endr
    mov %cs:kept_io_memory, %eax
    cmp $5, %eax
    expect e, "cs is flat and can be read"
    mov $0x12345678, %ebp
    mov %ebp, 0x00000500
    mov $0x9ABCDEF0, %edi
    mov %edi, 0x00100000 + 0x200000 + 0x500
    cmp %ebp, 0x00000500
    expect e, "address line 20 is on"
    finish
