#include "guest/harness/test.hpp"

GUEST_TEST(second, passes) { GUEST_EXPECT(true); }
