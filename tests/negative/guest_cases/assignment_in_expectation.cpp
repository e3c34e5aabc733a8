// An assignment where a comparison is meant.
// expected of g++: use of deleted function
// expected of clang++: overload resolution selected deleted operator
#include "guest/harness/measure.hpp"
#include "guest/harness/test.hpp"
#include "guest/kernel/user.hpp"

namespace nestbed::guest {

GUEST_TEST(negative, assignment_in_expectation) {
#ifndef WITHOUT_MISUSE
    std::uint32_t cpus = boot_info().cpu_count;
    GUEST_EXPECT(cpus = 1);
#else
    std::uint32_t cpus = boot_info().cpu_count;
    GUEST_EXPECT(cpus == 1);
#endif
}

}  // namespace nestbed::guest
