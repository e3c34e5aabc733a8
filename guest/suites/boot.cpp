// Boot and per-CPU state.

#include "guest/harness/test.hpp"

/// Does nothing: the unit of launch cost.
GUEST_TEST(boot, empty) {}
