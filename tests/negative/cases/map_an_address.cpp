// Pages are mapped, not addresses.
// expected of g++: no matching function for call to '.*::map\(
// expected of clang++: no matching member function for call to 'map'
#include "tests/negative/mapper.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
bool misuse(AnyMapper& mapper) {
    return mapper.map(page_4k.address(), frame_4k, flags).has_value();
}
#else
bool use(AnyMapper& mapper) { return mapper.map(page_4k, frame_4k, flags).has_value(); }
#endif

}  // namespace nestbed::paging
