// Ends with a value in a width: "w38" is 38, by a word.
#include "multiboot.inc"

begin
    get_arguments
    mov (%esi), %cl
    inc %esi
    xor %ebx, %ebx
digit:
    movzbl (%esi), %eax
    inc %esi
    sub $'0', %eax
    cmp $9, %eax
    ja number
    imul $10, %ebx
    add %eax, %ebx
    jmp digit
number:
    mov %ebx, %eax
    cmp $'b', %cl
    je byte
    cmp $'w', %cl
    je word
    outl %eax, $exit_port
    jmp rest
byte:
    outb %al, $exit_port
    jmp rest
word:
    outw %ax, $exit_port
rest:
    // It is over: this must not be seen.
    say "on it goes\n"
    outl %eax, $exit_port
    jmp rest
