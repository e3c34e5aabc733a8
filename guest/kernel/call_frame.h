// For assembly files: functions whose callers a debugger and the VMM's backtraces find (DWARF 5, 6.4
// "Call Frame Information"). Not in .eh_frame: nothing reads it at run time.

    .cfi_sections .debug_frame

    // `how` is "simple" for what is not called.
    .macro function name, how
    .type \name, @function
\name:
    .cfi_startproc \how
    .endm

    .macro end_function name
    .cfi_endproc
    .size \name, . - \name
    .endm

    .macro save_register name
    push %\name
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset \name, 0
    .endm

    .macro restore_register name
    pop %\name
    .cfi_adjust_cfa_offset -8
    .cfi_same_value \name
    .endm
