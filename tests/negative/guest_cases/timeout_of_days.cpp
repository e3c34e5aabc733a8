// A timeout is in seconds, and at most a day.
// expected of g++: timeout_must_be_seconds
// expected of clang++: call to consteval function .*test_needs. is not a constant expression
#include "guest/harness/test_needs.hpp"

#ifdef WITHOUT_MISUSE
constexpr auto use = nestbed::guest::test_needs({.timeout = 600, .tags = "slow"});
#else
constexpr auto use = nestbed::guest::test_needs({.timeout = 100'000});
#endif
static_assert(use.cpus == 1);
