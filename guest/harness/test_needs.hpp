// What follows a test's name in GUEST_TEST, checked while it is compiled.
#pragma once

#include "shared/channel/test_descriptor.hpp"

namespace nestbed::guest {

// Not constexpr: a test whose needs come to one of these does not compile, and the compiler says
// its name.
void tags_must_be_words_like_slow_or_needs_pcid_with_one_space_between_them();
void timeout_must_be_seconds_up_to_a_day();

consteval void check_tags(const char* tags) {
    for (const char* begin = tags;; ++tags) {
        if (*tags == ' ' || *tags == '\0') {
            if (!channel::is_tag(begin, tags)) {
                tags_must_be_words_like_slow_or_needs_pcid_with_one_space_between_them();
            }
            begin = tags + 1;
        }
        if (*tags == '\0') {
            return;
        }
    }
}

consteval channel::TestNeeds test_needs(channel::TestNeeds needs = {}) {
    if (needs.tags != nullptr) {
        check_tags(needs.tags);
    }
    if (needs.timeout > channel::max_test_timeout) {
        timeout_must_be_seconds_up_to_a_day();
    }
    return needs;
}

}  // namespace nestbed::guest
