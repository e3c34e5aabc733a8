// A line of a megabyte.
// expected of g++: number_over_999
// expected of clang++: is not a constant expression
#include "guest/harness/measure.hpp"
#include "guest/harness/test.hpp"
#include "guest/kernel/user.hpp"

namespace nestbed::guest {

GUEST_TEST(negative, huge_width) {
#ifndef WITHOUT_MISUSE
    GUEST_LOG("{:1000000}", 1);
#else
    GUEST_LOG("{:10}", 1);
#endif
}

}  // namespace nestbed::guest
