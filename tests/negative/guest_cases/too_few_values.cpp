// A field without a value.
// expected of g++: more_fields_than_values
// expected of clang++: is not a constant expression
#include "guest/harness/measure.hpp"
#include "guest/harness/test.hpp"
#include "guest/kernel/user.hpp"

namespace nestbed::guest {

GUEST_TEST(negative, too_few_values) {
#ifndef WITHOUT_MISUSE
    GUEST_LOG("{} {}", 1);
#else
    GUEST_LOG("{} {}", 1, 2);
#endif
}

}  // namespace nestbed::guest
