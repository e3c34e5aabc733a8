// Two million empty entries in the unit that the crash is in.
#include "tests/hostile/bombs/bomb.hpp"
BOMB(entries, "")
asm(R"(
    .section .debug_info, "", @progbits
    .long 2f - 1f
1:  .value 5
    .byte 1, 8
    .long bomb_abbreviations
    .uleb128 1
    .quad entries
    .quad 4096
    .long .Ldebug_line0
    .fill 2000000, 1, 2
    .byte 0
2:
    .section .debug_abbrev, "", @progbits
bomb_abbreviations:
    .uleb128 1, 0x11    # DW_TAG_compile_unit
    .byte 1
    .uleb128 0x11, 1    # DW_AT_low_pc, DW_FORM_addr
    .uleb128 0x12, 7    # DW_AT_high_pc, DW_FORM_data8
    .uleb128 0x10, 0x17    # DW_AT_stmt_list, DW_FORM_sec_offset
    .byte 0, 0
    .uleb128 2, 0x0b    # DW_TAG_lexical_block
    .byte 0, 0, 0
    .byte 0
    .text
)");
