// Guests whose debug information is large, deep or round, and a crash to have it read.
#pragma once

#include "tests/hostile/guests/hostile.hpp"

/// Dies, in a function whose debug information has `directives` in it.
#define BOMB(name, directives)                                                    \
    extern "C" [[gnu::noinline, gnu::used]] void name() {                         \
        asm volatile(directives);                                                 \
        ::nestbed::guest::hostile::store(::nestbed::guest::hostile::unmapped, 1); \
        asm volatile("");                                                         \
    }                                                                             \
    GUEST_TEST(bomb, of_##name) {                                                 \
        GUEST_LOG("a line that arrives");                                         \
        name();                                                                   \
        asm volatile("");                                                         \
    }
