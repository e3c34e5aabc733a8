// Thirty thousand functions, each inlined into the one before.
#include "tests/hostile/bombs/bomb.hpp"
BOMB(inlines, "")
asm(R"(
    .section .debug_info, "", @progbits
    .long 2f - 1f
1:  .value 5
    .byte 1, 8
    .long bomb_abbreviations
    .uleb128 1
    .quad inlines
    .quad 4096
    .long .Ldebug_line0
    .rept 30000
    .uleb128 2
    .quad inlines
    .quad 4096
    .endr
    .fill 30001, 1, 0
2:
    .section .debug_abbrev, "", @progbits
bomb_abbreviations:
    .uleb128 1, 0x11
    .byte 1
    .uleb128 0x11, 1
    .uleb128 0x12, 7
    .uleb128 0x10, 0x17    # DW_AT_stmt_list, DW_FORM_sec_offset
    .byte 0, 0
    .uleb128 2, 0x1d    # DW_TAG_inlined_subroutine
    .byte 1
    .uleb128 0x11, 1
    .uleb128 0x12, 7
    .byte 0, 0
    .byte 0
    .text
)");
