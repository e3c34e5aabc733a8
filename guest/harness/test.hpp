// The guest test API. A suite is one C++ file:
//
//     GUEST_TEST(paging, remap_is_seen_after_invalidation, {.cpus = 2}) {
//         GUEST_EXPECT_EQ(*page, 1U);
//         if (!boot_info().features.page_1g) GUEST_SKIP("no 1 GiB pages");
//     }
//     GUEST_TEST(paging, soak, {.timeout = 60, .tags = "slow needs-1g-pages"}) { … }
//
// Each test runs in a fresh VM, on CPU 0, with interrupts on; the other CPUs are idle until given
// work (guest/kernel/smp.hpp). It ends by returning.
#pragma once

#include "guest/harness/expect.hpp"
#include "guest/harness/log.hpp"
#include "guest/harness/test_needs.hpp"
#include "guest/kernel/boot.hpp"
#include "shared/channel/test_descriptor.hpp"

/// Defines the test `suite.name`. What follows the name is a `channel::TestNeeds` initializer.
#define GUEST_TEST(suite, name, ...)                                 \
    static void guest_test_##suite##_##name();                       \
    [[gnu::section(".guest_tests"), gnu::used]] alignas(             \
        8) static constinit const ::nestbed::channel::TestDescriptor \
        guest_test_descriptor_##suite##_##name{                      \
            #suite,   #name,                                         \
            __FILE__, guest_test_##suite##_##name,                   \
            __LINE__, ::nestbed::guest::test_needs(__VA_ARGS__)};    \
    static void guest_test_##suite##_##name()

/// Ends the test as skipped, for a reason (a constant string) that the report shows.
#define GUEST_SKIP(reason)               \
    do {                                 \
        ::nestbed::guest::skip(reason);  \
        ::nestbed::guest::finish_test(); \
    } while (false)
