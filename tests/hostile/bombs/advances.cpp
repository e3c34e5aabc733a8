// Rows of call-frame information without end, and an expression that never comes to one.
#include "tests/hostile/bombs/bomb.hpp"
// DW_CFA_val_expression for RBP: DW_OP_skip, back to itself.
BOMB(advances, ".cfi_escape 0x16, 6, 3, 0x2f, 0xfd, 0xff")
