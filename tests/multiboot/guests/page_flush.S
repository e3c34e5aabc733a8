// The test device takes a page of memory away and gives it back as it was.
#include "multiboot.inc"

.bss
.align 4096
pages: .skip 3 * 4096

.macro sum
    xor %edi, %edi
    mov $pages, %esi
    mov $(3 * 1024), %ecx
.Lsum\@:
    add (%esi), %edi
    rol $1, %edi
    add $4, %esi
    loop .Lsum\@
.endm

begin
    mov $pages, %edi
    mov $(3 * 1024), %ecx
fill:
    mov %edi, (%edi)
    add $4, %edi
    loop fill
    sum
    mov %edi, %ebx
    mov $(pages + 4096 + 8), %eax
    outl %eax, $0xE4
    sum
    cmp %ebx, %edi
    expect e, "what was in it is in it"
    movl $0x600DF00D, pages + 4096
    cmpl $0x600DF00D, pages + 4096
    expect e, "it can be written"
    mov $0xFD000000, %eax
    outl %eax, $0xE4
    mov $0xFFFFFFFF, %eax
    outl %eax, $0xE4
    cmp $0xFFFFFFFF, %eax
    expect e, "where there is no memory it does nothing"
    finish
