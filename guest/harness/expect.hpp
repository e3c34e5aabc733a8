// Expectations: a failing one sends file, line, both expressions and both values, and stops
// nothing. GUEST_REQUIRE ends the test as well. Both work on every CPU.
#pragma once

#include "guest/harness/log.hpp"
#include "shared/channel/record.hpp"

namespace nestbed::guest {

/// Ends the test now; what was expected and recorded so far counts.
[[noreturn]] void finish_test();

/// Of an expectation that did not hold. Not inline, for there are many and they hold.
[[gnu::cold, gnu::noinline]] inline void send_failure(const channel::Expectation& site,
                                                      Argument left, Argument right) {
    write_record(channel::RecordType::failure, &site, left, right);
}

}  // namespace nestbed::guest

/// Sends the failure of `left relation right`, as written here, with the two values.
#define GUEST_FAIL_RELATION(left, relation, right, left_value, right_value)                      \
    static constexpr ::nestbed::channel::Expectation guest_site{__FILE__, left, relation, right, \
                                                                __LINE__};                       \
    ::nestbed::guest::send_failure(guest_site, ::nestbed::guest::argument(left_value),           \
                                   ::nestbed::guest::argument(right_value))

#define GUEST_EXPECT_RELATION(left, relation, right)                                \
    do {                                                                            \
        const auto guest_left = (left);                                             \
        const auto guest_right = (right);                                           \
        if (!(guest_left relation guest_right)) [[unlikely]] {                      \
            GUEST_FAIL_RELATION(#left, #relation, #right, guest_left, guest_right); \
        }                                                                           \
    } while (false)

#define GUEST_EXPECT_EQ(left, right) GUEST_EXPECT_RELATION(left, ==, right)
#define GUEST_EXPECT_NE(left, right) GUEST_EXPECT_RELATION(left, !=, right)
#define GUEST_EXPECT_LT(left, right) GUEST_EXPECT_RELATION(left, <, right)
#define GUEST_EXPECT_LE(left, right) GUEST_EXPECT_RELATION(left, <=, right)
#define GUEST_EXPECT_GT(left, right) GUEST_EXPECT_RELATION(left, >, right)
#define GUEST_EXPECT_GE(left, right) GUEST_EXPECT_RELATION(left, >=, right)

#define GUEST_EXPECT(condition)                                         \
    do {                                                                \
        if (!(condition)) [[unlikely]] {                                \
            GUEST_FAIL_RELATION(#condition, "==", "true", false, true); \
        }                                                               \
    } while (false)

/// For what the rest of the test stands on.
#define GUEST_REQUIRE(condition)                                        \
    do {                                                                \
        if (!(condition)) [[unlikely]] {                                \
            GUEST_FAIL_RELATION(#condition, "==", "true", false, true); \
            ::nestbed::guest::finish_test();                            \
        }                                                               \
    } while (false)
