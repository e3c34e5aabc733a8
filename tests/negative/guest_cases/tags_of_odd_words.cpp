// A tag is of lower-case letters, digits and dashes.
// expected of g++: tags_must_be_words
// expected of clang++: call to consteval function .*test_needs. is not a constant expression
#include "guest/harness/test_needs.hpp"

#ifdef WITHOUT_MISUSE
constexpr auto use = nestbed::guest::test_needs({.tags = "slow needs-pcid"});
#else
constexpr auto use = nestbed::guest::test_needs({.tags = "Slow"});
#endif
static_assert(use.cpus == 1);
