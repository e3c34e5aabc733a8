// A specification for another type.
// expected of g++: specification_of_another_type
// expected of clang++: is not a constant expression
#include "guest/harness/measure.hpp"
#include "guest/harness/test.hpp"
#include "guest/kernel/user.hpp"

namespace nestbed::guest {

GUEST_TEST(negative, hexadecimal_string) {
#ifndef WITHOUT_MISUSE
    GUEST_LOG("{:x}", "text");
#else
    GUEST_LOG("{:x}", 1);
#endif
}

}  // namespace nestbed::guest
