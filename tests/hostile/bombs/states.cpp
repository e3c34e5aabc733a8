// A million remembered states, which libdw keeps all of.
#include "tests/hostile/bombs/bomb.hpp"
#define TEN(x) x x x x x x x x x x
#define REMEMBER "0x0a, 0x0a, 0x0a, 0x0a, "
BOMB(states, ".rept 2500\n\t.cfi_escape " TEN(TEN(REMEMBER)) "0x0a\n\t.endr")
