// A visit to user mode that may have ended in a fault.
// expected of g++: ignoring returned value
// expected of clang++: ignoring return value
#include "guest/harness/test.hpp"
#include "guest/kernel/user.hpp"

namespace nestbed::guest {

GUEST_USER std::uint64_t nothing(std::uint64_t, std::uint64_t) { return 0; }

GUEST_TEST(negative, ignored_user_result) {
#ifndef WITHOUT_MISUSE
    run_user(nothing);
#else
    GUEST_EXPECT(run_user(nothing).value() == 0);
#endif
}

}  // namespace nestbed::guest
