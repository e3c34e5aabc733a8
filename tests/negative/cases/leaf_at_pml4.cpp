// A PML4 entry maps no page.
// expected of g++: no matching function for call to '.*pml4>::leaf\(
// expected of clang++: function 'leaf': constraints not satisfied
#include "tests/negative/mapper.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
Pml4e misuse() { return Pml4e::leaf(frame_1g, flags); }
#else
Pml4e use() { return Pml4e::table(frame_4k); }
#endif

}  // namespace nestbed::paging
