// Two hundred thousand symbols for the same place.
#include "tests/hostile/bombs/bomb.hpp"
BOMB(symbols, "")
asm(R"(
    .altmacro
    .macro one n
    .globl one_of_many_symbols_\n
    .set one_of_many_symbols_\n, symbols + 1
    .endm
    .set number, 0
    .rept 200000
    one %number
    .set number, number + 1
    .endr
)");
