// No table lies below a PT.
// expected of g++: no matching function for call to '.*pt>::table\(
// expected of clang++: no matching function for call to 'table'
#include "tests/negative/mapper.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
Pte misuse() { return Pte::table(frame_4k); }
#else
Pde use() { return Pde::table(frame_4k); }
#endif

}  // namespace nestbed::paging
