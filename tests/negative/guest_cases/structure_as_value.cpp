// A value that no line can show.
// expected of g++: a log line shows integers
// expected of clang++: a log line shows integers
#include "guest/harness/measure.hpp"
#include "guest/harness/test.hpp"
#include "guest/kernel/user.hpp"

namespace nestbed::guest {

GUEST_TEST(negative, structure_as_value) {
#ifndef WITHOUT_MISUSE
    GUEST_LOG("{}", boot_info().features);
#else
    GUEST_LOG("{}", boot_info().cpu_count);
#endif
}

}  // namespace nestbed::guest
