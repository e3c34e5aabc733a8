// The sum of two addresses is no address.
// expected of g++: no match for 'operator\+'
// expected of clang++: invalid operands to binary expression
#include "shared/paging/address.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
PhysAddr misuse(PhysAddr a, PhysAddr b) { return a + b; }
#else
PhysAddr use(PhysAddr a, std::uint64_t bytes) { return a + bytes; }
#endif

}  // namespace nestbed::paging
