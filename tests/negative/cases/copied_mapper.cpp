// Two mappers of one tree would not know of each other's changes.
// expected: deleted
#include "tests/negative/mapper.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
AnyMapper misuse(const AnyMapper& mapper) { return mapper; }
#else
const AnyMapper& use(const AnyMapper& mapper) { return mapper; }
#endif

}  // namespace nestbed::paging
