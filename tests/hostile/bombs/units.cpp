// A hundred thousand units before the one that the crash is in.
#include "tests/hostile/bombs/bomb.hpp"
BOMB(units, "")
asm(R"(
    .section .debug_info, "", @progbits
    .rept 100000
    .long 13
    .value 5
    .byte 1, 8
    .long bomb_abbreviations
    .uleb128 1
    .fill 4, 1, 0
    .endr
    .section .debug_abbrev, "", @progbits
bomb_abbreviations:
    .uleb128 1, 0x11
    .byte 0, 0, 0
    .byte 0
    .text
)");
