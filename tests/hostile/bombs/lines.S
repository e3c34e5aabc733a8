// The debug information of lines.cpp, in a file of its own: the compiler writes a line table, too.
    .section .debug_info, "", @progbits
    .long 2f - 1f
1:  .value 4
    .long bomb_abbreviations
    .byte 8
    .uleb128 1
    .quad lines
    .quad 4096
    .long bomb_lines
2:
    .section .debug_abbrev, "", @progbits
bomb_abbreviations:
    .uleb128 1, 0x11
    .byte 0
    .uleb128 0x11, 1
    .uleb128 0x12, 7
    .uleb128 0x10, 0x17    // DW_AT_stmt_list, DW_FORM_sec_offset
    .byte 0, 0
    .byte 0
    .section .debug_line, "", @progbits
bomb_lines:
    .long 4f - 3f
3:  .value 4
    .long 6f - 5f
5:  .byte 1, 1, 1, -5, 14, 13
    .byte 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1
    .byte 0
    .string "a.cpp"
    .byte 0, 0, 0
    .byte 0
6:  .byte 0, 9, 2    // DW_LNE_set_address
    .quad lines
    .fill 6000000, 1, 0x13    // a row each
    .byte 2, 0x80, 0x20    // DW_LNS_advance_pc
    .byte 0, 1, 1    // DW_LNE_end_sequence
4:

    .section .note.GNU-stack, "", @progbits
