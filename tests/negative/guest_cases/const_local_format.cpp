// A constant of the stack is gone as well.
// expected of g++: is not a constant expression|usable in a constant expression
// expected of clang++: is not a constant expression
#include "guest/harness/measure.hpp"
#include "guest/harness/test.hpp"
#include "guest/kernel/user.hpp"

namespace nestbed::guest {

GUEST_TEST(negative, const_local_format) {
#ifndef WITHOUT_MISUSE
    const char format[] = "text";
    GUEST_LOG(format);
#else
    static constexpr char format[] = "text";
    GUEST_LOG(format);
#endif
}

}  // namespace nestbed::guest
