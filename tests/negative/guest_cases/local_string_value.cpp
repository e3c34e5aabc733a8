// A string value that is gone when the host reads it.
// expected of g++: is not a constant expression|usable in a constant expression
// expected of clang++: is not a constant expression
#include "guest/harness/measure.hpp"
#include "guest/harness/test.hpp"
#include "guest/kernel/user.hpp"

namespace nestbed::guest {

GUEST_TEST(negative, local_string_value) {
#ifndef WITHOUT_MISUSE
    char name[] = "text";
    GUEST_LOG("{}", name);
#else
    static constexpr char name[] = "text";
    GUEST_LOG("{}", name);
#endif
}

}  // namespace nestbed::guest
