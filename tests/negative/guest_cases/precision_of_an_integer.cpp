// A precision, which an integer has not.
// expected of g++: specification_of_another_type
// expected of clang++: is not a constant expression
#include "guest/harness/measure.hpp"
#include "guest/harness/test.hpp"
#include "guest/kernel/user.hpp"

namespace nestbed::guest {

GUEST_TEST(negative, precision_of_an_integer) {
#ifndef WITHOUT_MISUSE
    GUEST_LOG("{:.2}", 1);
#else
    GUEST_LOG("{:2}", 1);
#endif
}

}  // namespace nestbed::guest
