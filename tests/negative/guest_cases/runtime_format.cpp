// A format that is chosen at run time.
// expected of g++: usable in a constant expression|is not a constant expression
// expected of clang++: is not a constant expression
#include "guest/harness/measure.hpp"
#include "guest/harness/test.hpp"
#include "guest/kernel/user.hpp"

namespace nestbed::guest {

GUEST_TEST(negative, runtime_format) {
#ifndef WITHOUT_MISUSE
    const char* format = boot_info().cpu_count == 1 ? "one" : "more";
    GUEST_LOG(format);
#else
    constexpr const char* format = "text";
    GUEST_LOG(format);
#endif
}

}  // namespace nestbed::guest
