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

/// Of a test with a planted bug: it passes if violations were seen, is skipped for `reason` if none
/// can be, as `can_be_seen()` finds out, and fails otherwise.
template <typename CanBeSeen>
void expect_violations(std::uint64_t violations, CanBeSeen&& can_be_seen, ConstantString reason) {
    if (violations == 0 && !can_be_seen()) {
        skip(reason);
        finish_test();
    }
    GUEST_EXPECT_GT(violations, 0U);
}

}  // namespace nestbed::guest
