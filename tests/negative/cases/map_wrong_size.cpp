// A page is mapped to a frame of its size.
// expected of g++: no matching function for call to '.*::map\(
// expected of clang++: no matching member function for call to 'map'
#include "tests/negative/mapper.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
bool misuse(AnyMapper& mapper) { return mapper.map(page_4k, frame_2m, flags).has_value(); }
#else
bool use(AnyMapper& mapper) { return mapper.map(page_2m, frame_2m, flags).has_value(); }
#endif

}  // namespace nestbed::paging
