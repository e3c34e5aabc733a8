// The obligation to invalidate cannot be overlooked.
// expected of g++: ignoring returned value of type '.*Result<.*StaleTlbEntry
// expected of clang++: ignoring return value .*nodiscard
#include "tests/negative/mapper.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
void misuse(AnyMapper& mapper) { mapper.unmap(page_4k); }
#else
auto use(AnyMapper& mapper) { return mapper.unmap(page_4k); }
#endif

}  // namespace nestbed::paging
