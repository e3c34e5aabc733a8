// A table of six million lines: lines.S.
#include "tests/hostile/bombs/bomb.hpp"
BOMB(lines, "")
