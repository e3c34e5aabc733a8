// A name that is gone when the host reads it.
// expected of g++: is not a constant expression|usable in a constant expression
// expected of clang++: is not a constant expression
#include "guest/harness/measure.hpp"
#include "guest/harness/test.hpp"
#include "guest/kernel/user.hpp"

namespace nestbed::guest {

GUEST_TEST(negative, local_parameter_name) {
#ifndef WITHOUT_MISUSE
    char name[] = "rounds";
    GUEST_EXPECT(parameter(name, 1) == 1);
#else
    GUEST_EXPECT(parameter("rounds", 1) == 1);
#endif
}

}  // namespace nestbed::guest
