// Whether this host keeps stale translations at all: the evidence that a test of a planted bug
// needs if it is to say that the bug cannot show. Each changes the entry of a page by a store
// from user mode (page_table_window.hpp) or from kernel mode, does not invalidate it, and looks
// whether the old translation is still used, several times in many tries: a processor may drop a
// translation at any time.
#pragma once

#include <cstdint>

#include "guest/harness/test.hpp"

namespace nestbed::guest {

/// From one visit to user mode to the next; `asleep`: with a HLT in between.
bool translations_stay_stale_between_visits(bool asleep = false);

/// CPU 1 reads a page all the time, and never leaves user mode, or kernel mode, by itself. CPU 0
/// changes the page's entry, and what else is said here.
struct Disturbance {
    bool kernel_reader = false;  ///< CPU 1 reads in kernel mode
    bool kernel_store = false;   ///< the entry is changed by kernel mode
    bool invlpg = false;         ///< CPU 0 invalidates the page for itself
    bool interrupt = false;      ///< CPU 1 is interrupted, and its handler does nothing
};

/// Whether CPU 1 goes on with the old translation after that. Once per VM.
bool translations_stay_stale_elsewhere(const Disturbance& disturbance);

/// How long a planted bug is looked for: whether one try shows it is luck, most of all where other
/// programs come in between, so that one that can be seen is waited for. What is more than enough
/// for that fits into `patient_timeout`.
enum class Patience { a_moment, until_seen };
inline constexpr std::uint32_t patient_timeout = 90;  ///< seconds

/// Of a test with a planted bug: it passes if `look()`, with the patience that is due, returns
/// violations; is skipped for `reason` if there are none and none can be, as `can_be_seen()` finds
/// out; and fails otherwise.
template <typename Look, typename CanBeSeen>
void expect_violations(Look&& look, CanBeSeen&& can_be_seen, ConstantString reason) {
    const bool can = can_be_seen();
    const std::uint64_t violations = look(can ? Patience::until_seen : Patience::a_moment);
    if (violations == 0 && !can) {
        skip(reason);
        finish_test();
    }
    GUEST_EXPECT_GT(violations, 0U);
}

}  // namespace nestbed::guest
