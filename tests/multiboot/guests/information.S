// Prints what the loader tells: flags, sizes of memory, command line, modules.
#include "multiboot.inc"

begin
    say "flags "
    say_hex (%ebx)
    say "\nmemory below "
    say_hex 4(%ebx)
    say "\nmemory above "
    say_hex 8(%ebx)
    say "\ncommand line "
    mov 16(%ebx), %esi
    call say_text
    say "\n"
    testl $8, (%ebx)
    jz no_modules
    say "modules "
    say_hex 20(%ebx)
    say "\n"
    mov 24(%ebx), %edi
    mov (%edi), %esi
    mov 4(%edi), %ecx
    sub %esi, %ecx
    mov $serial_port, %edx
    rep outsb
no_modules:
    finish
