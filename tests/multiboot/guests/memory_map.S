// Prints the memory map.
#include "multiboot.inc"

begin
    testl $0x40, (%ebx)
    expect nz, "there is a memory map"
    mov 48(%ebx), %edi
    mov 44(%ebx), %ebp
    add %edi, %ebp
one:
    say_hex 8(%edi)
    say_hex 4(%edi)
    say " "
    say_hex 16(%edi)
    say_hex 12(%edi)
    say " "
    say_hex 20(%edi)
    say "\n"
    add (%edi), %edi
    add $4, %edi
    cmp %ebp, %edi
    jb one
    expect e, "it ends where an entry does"
    finish
