// Lines of results of every kind, and some that are none. Ends with a failure, or, as it is told,
// a skip or a pass.
#include "multiboot.inc"

begin
    get_arguments
    mov %esi, %edi
    say "begins\n"
    say "PASS: first\n"
    say "PASS: second: with a colon\r\n"
    say "SKIP: third (no such hardware)\n"
    say "XFAIL: fourth\n"
    cmpb $'s', (%edi)
    je skips
    cmpb $'p', (%edi)
    je passes
    say "FAIL: fifth\n"
    say "KFAIL: sixth\n"
    say "XPASS: seventh\n"
    say "PASSED\n"
    say " PASS: indented\n"
    say "PASS:none\n"
    say "SUMMARY: 7 tests\n"
    say "FAIL: last, without an end"
    mov $1, %eax
    jmp ends
skips:
    mov $38, %eax
    jmp ends
passes:
    xor %eax, %eax
ends:
    outl %eax, $exit_port
