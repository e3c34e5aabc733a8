// Addresses of different kinds do not compare.
// expected of g++: no match for 'operator=='
// expected of clang++: invalid operands to binary expression
#include "shared/paging/address.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
bool misuse(PhysAddr physical, VirtAddr linear) { return physical == linear; }
#else
bool use(PhysAddr physical, VirtAddr linear) { return physical.raw() == linear.raw(); }
#endif

}  // namespace nestbed::paging
