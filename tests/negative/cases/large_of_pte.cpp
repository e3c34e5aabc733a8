// A PTE has one form only; its bit 7 is PAT.
// expected of g++: no matching function for call to '.*pt>::large\(
// expected of clang++: function 'large': constraints not satisfied
#include "shared/paging/entry.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
bool misuse(Pte entry) { return entry.large(); }
#else
bool use(Pde entry) { return entry.large(); }
#endif

}  // namespace nestbed::paging
