// A value without a field.
// expected of g++: more_values_than_fields
// expected of clang++: is not a constant expression
#include "guest/harness/measure.hpp"
#include "guest/harness/test.hpp"
#include "guest/kernel/user.hpp"

namespace nestbed::guest {

GUEST_TEST(negative, too_many_values) {
#ifndef WITHOUT_MISUSE
    GUEST_LOG("{}", 1, 2);
#else
    GUEST_LOG("{}", 1);
#endif
}

}  // namespace nestbed::guest
