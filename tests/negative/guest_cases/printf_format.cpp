// printf's fields are none.
// expected of g++: more_values_than_fields
// expected of clang++: is not a constant expression
#include "guest/harness/measure.hpp"
#include "guest/harness/test.hpp"
#include "guest/kernel/user.hpp"

namespace nestbed::guest {

GUEST_TEST(negative, printf_format) {
#ifndef WITHOUT_MISUSE
    GUEST_LOG("%d", 1);
#else
    GUEST_LOG("{}", 1);
#endif
}

}  // namespace nestbed::guest
