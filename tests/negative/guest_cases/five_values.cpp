// A record holds four values.
// expected of g++: a log line has four values
// expected of clang++: a log line has four values
#include "guest/harness/measure.hpp"
#include "guest/harness/test.hpp"
#include "guest/kernel/user.hpp"

namespace nestbed::guest {

GUEST_TEST(negative, five_values) {
#ifndef WITHOUT_MISUSE
    GUEST_LOG("{} {} {} {} {}", 1, 2, 3, 4, 5);
#else
    GUEST_LOG("{} {} {} {}", 1, 2, 3, 4);
#endif
}

}  // namespace nestbed::guest
