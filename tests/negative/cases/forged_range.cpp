// Nobody but the mapper says what it has detached.
// expected: private
#include "tests/negative/mapper.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
DetachedRange misuse(PageRange range) { return {space, range, range, true, false}; }
#else
Result<DetachedRange> use(AnyMapper& mapper, PageRange range) { return mapper.unmap_range(range); }
#endif

}  // namespace nestbed::paging
