// No table lies below a PT.
// expected of g++: no matching function for call to '.*pt>::next_table\(
// expected of clang++: function 'next_table': constraints not satisfied
#include "shared/paging/entry.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
auto misuse(Pte entry) { return entry.next_table(); }
#else
auto use(Pde entry) { return entry.next_table(); }
#endif

}  // namespace nestbed::paging
