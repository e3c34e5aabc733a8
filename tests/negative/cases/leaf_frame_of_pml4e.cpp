// A PML4 entry maps no page.
// expected of g++: no matching function for call to '.*pml4>::leaf_frame\(
// expected of clang++: function 'leaf_frame': constraints not satisfied
#include "shared/paging/entry.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
auto misuse(Pml4e entry) { return entry.leaf_frame(); }
#else
auto use(Pdpte entry) { return entry.leaf_frame(); }
#endif

}  // namespace nestbed::paging
