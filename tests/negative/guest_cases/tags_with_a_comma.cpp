// Tags have a space between them.
// expected of g++: tags_must_be_words
// expected of clang++: call to consteval function .*test_needs. is not a constant expression
#include "guest/harness/test_needs.hpp"

#ifdef WITHOUT_MISUSE
constexpr auto use = nestbed::guest::test_needs({.tags = "slow"});
#else
constexpr auto use = nestbed::guest::test_needs({.tags = "slow,needs-pcid"});
#endif
static_assert(use.cpus == 1);
