// A brace that is not doubled.
// expected of g++: unmatched_brace
// expected of clang++: is not a constant expression
#include "guest/harness/measure.hpp"
#include "guest/harness/test.hpp"
#include "guest/kernel/user.hpp"

namespace nestbed::guest {

GUEST_TEST(negative, lonely_brace) {
#ifndef WITHOUT_MISUSE
    GUEST_LOG("set {{}", 1);
#else
    GUEST_LOG("set {{{}}}", 1);
#endif
}

}  // namespace nestbed::guest
