// A string value that is only known at run time.
// expected of g++: usable in a constant expression|is not a constant expression
// expected of clang++: is not a constant expression
#include "guest/harness/measure.hpp"
#include "guest/harness/test.hpp"
#include "guest/kernel/user.hpp"

namespace nestbed::guest {

GUEST_TEST(negative, runtime_string_value) {
#ifndef WITHOUT_MISUSE
    const char* names[] = {"one", "more"};
    GUEST_LOG("{}", names[boot_info().cpu_count == 1 ? 0 : 1]);
#else
    constexpr ConstantString names[] = {"one", "more"};
    GUEST_LOG("{}", names[boot_info().cpu_count == 1 ? 0 : 1]);
#endif
}

}  // namespace nestbed::guest
