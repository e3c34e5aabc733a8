// Entries that refer to themselves, as what they are of, as what comes next and as their form.
#include "tests/hostile/bombs/bomb.hpp"
BOMB(loops, "")
asm(R"(
    .section .debug_info, "", @progbits
bomb_unit:
    .long 2f - 1f
1:  .value 5
    .byte 1, 8
    .long bomb_abbreviations
    .uleb128 1
    .quad loops
    .quad 4096
    .long .Ldebug_line0
3:  .uleb128 2
    .quad loops
    .quad 4096
    .long 3b - bomb_unit    # DW_AT_abstract_origin: itself
    .long 3b - bomb_unit    # DW_AT_sibling: itself
    .byte 0
4:  .uleb128 3
    .fill 1000000, 1, 0x16    # DW_FORM_indirect, of which the form is DW_FORM_indirect, of which …
    .byte 0x0b, 0
    .byte 0
2:
    .section .debug_abbrev, "", @progbits
bomb_abbreviations:
    .uleb128 1, 0x11
    .byte 1
    .uleb128 0x11, 1
    .uleb128 0x12, 7
    .uleb128 0x10, 0x17    # DW_AT_stmt_list, DW_FORM_sec_offset
    .byte 0, 0
    .uleb128 2, 0x2e    # DW_TAG_subprogram
    .byte 0
    .uleb128 0x11, 1
    .uleb128 0x12, 7
    .uleb128 0x31, 0x13    # DW_AT_abstract_origin, DW_FORM_ref4
    .uleb128 0x01, 0x13    # DW_AT_sibling, DW_FORM_ref4
    .byte 0, 0
    .uleb128 3, 0x2e
    .byte 0
    .uleb128 0x03, 0x16    # DW_AT_name, DW_FORM_indirect
    .byte 0, 0
    .byte 0
    .text
)");
