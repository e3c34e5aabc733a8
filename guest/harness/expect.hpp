// Expectations: a failing one sends file, line, both expressions and both values, and stops
// nothing. GUEST_REQUIRE ends the test as well. Both work on every CPU.
#pragma once

#include "guest/harness/condition.hpp"
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
[[gnu::cold, gnu::noinline]] inline void send_failure(const channel::Expectation& site,
                                                      Argument value) {
    write_record(channel::RecordType::failure, &site, value);
}

template <typename Relation>
inline void send_failure(const channel::Expectation& site,
                         const condition::CheckedCondition<Relation>& checked) {
    if constexpr (std::same_as<Relation, condition::NoRelation>) {
        send_failure(site, checked.left);
    } else {
        send_failure(site, checked.left, checked.right);
    }
}

}  // namespace nestbed::guest

#define GUEST_EXPECT_RELATION(left, relation, right)                                        \
    do {                                                                                    \
        const auto guest_left = (left);                                                     \
        const auto guest_right = (right);                                                   \
        if (!(guest_left relation guest_right)) [[unlikely]] {                              \
            static constexpr ::nestbed::channel::Expectation guest_site{                    \
                __FILE__, #left, #relation, #right, __LINE__};                              \
            ::nestbed::guest::send_failure(guest_site, ::nestbed::guest::shown(guest_left), \
                                           ::nestbed::guest::shown(guest_right));           \
        }                                                                                   \
    } while (false)

#define GUEST_EXPECT_EQ(left, right) GUEST_EXPECT_RELATION(left, ==, right)
#define GUEST_EXPECT_NE(left, right) GUEST_EXPECT_RELATION(left, !=, right)
#define GUEST_EXPECT_LT(left, right) GUEST_EXPECT_RELATION(left, <, right)
#define GUEST_EXPECT_LE(left, right) GUEST_EXPECT_RELATION(left, <=, right)
#define GUEST_EXPECT_GT(left, right) GUEST_EXPECT_RELATION(left, >, right)
#define GUEST_EXPECT_GE(left, right) GUEST_EXPECT_RELATION(left, >=, right)

#define GUEST_CHECK(if_not, ...)                                                               \
    do {                                                                                       \
        const auto guest_checked = ::nestbed::guest::condition::checked(                       \
            ::nestbed::guest::condition::Decomposer{} <=> __VA_ARGS__);                        \
        if (!guest_checked.holds) [[unlikely]] {                                               \
            static constexpr ::nestbed::channel::Expectation guest_site{                       \
                __FILE__, #__VA_ARGS__, decltype(guest_checked)::relation, nullptr, __LINE__}; \
            ::nestbed::guest::send_failure(guest_site, guest_checked);                         \
            if_not;                                                                            \
        }                                                                                      \
    } while (false)

/// GUEST_EXPECT(cpu == 0), GUEST_EXPECT(page.is_dirty() || !logs): of a comparison both values are
/// shown, of anything else that it does not hold.
#define GUEST_EXPECT(...) GUEST_CHECK(static_cast<void>(0), __VA_ARGS__)

/// For what the rest of the test stands on.
#define GUEST_REQUIRE(...) GUEST_CHECK(::nestbed::guest::finish_test(), __VA_ARGS__)
