// A register that no processor has: libdw keeps a rule for each below it.
#include "tests/hostile/bombs/bomb.hpp"
BOMB(registers, ".cfi_undefined 134217727")
