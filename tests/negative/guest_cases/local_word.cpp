// A word of a measurement that is gone when the host reads it.
// expected of g++: is not a constant expression|usable in a constant expression
// expected of clang++: is not a constant expression
#include "guest/harness/measure.hpp"
#include "guest/harness/test.hpp"
#include "guest/kernel/user.hpp"

namespace nestbed::guest {

GUEST_TEST(negative, local_word) {
#ifndef WITHOUT_MISUSE
    static stats::Histogram histogram;
    char text[] = "text";
    report_measurement("name", "cycles", histogram, {word("kind", text)}, no_claim);
#else
    static stats::Histogram histogram;
    report_measurement("name", "cycles", histogram, {word("kind", "text")}, no_claim);
#endif
}

}  // namespace nestbed::guest
