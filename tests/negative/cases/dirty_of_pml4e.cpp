// Only leaves have a dirty bit.
// expected of g++: no matching function for call to '.*pml4>::dirty\(
// expected of clang++: function 'dirty': constraints not satisfied
#include "shared/paging/entry.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
bool misuse(Pml4e entry) { return entry.dirty(); }
#else
bool use(Pdpte entry) { return entry.dirty(); }
#endif

}  // namespace nestbed::paging
