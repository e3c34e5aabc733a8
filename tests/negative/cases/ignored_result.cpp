// Whether a page was mapped must be looked at.
// expected of g++: ignoring returned value of type '.*Result<void>'
// expected of clang++: ignoring return value .*nodiscard
#include "tests/negative/mapper.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
void misuse(AnyMapper& mapper) { mapper.map(page_4k, frame_4k, flags); }
#else
bool use(AnyMapper& mapper) { return mapper.map(page_4k, frame_4k, flags).has_value(); }
#endif

}  // namespace nestbed::paging
