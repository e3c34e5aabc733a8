// A reason that is gone when the host reads it.
// expected of g++: is not a constant expression|usable in a constant expression
// expected of clang++: is not a constant expression
#include "guest/harness/measure.hpp"
#include "guest/harness/test.hpp"
#include "guest/kernel/user.hpp"

namespace nestbed::guest {

GUEST_TEST(negative, local_skip_reason) {
#ifndef WITHOUT_MISUSE
    char reason[] = "text";
    GUEST_SKIP(reason);
#else
    GUEST_SKIP("text");
#endif
}

}  // namespace nestbed::guest
