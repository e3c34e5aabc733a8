// A physical address is no linear address.
// expected of g++: cannot convert '.*PhysAddr' to '.*VirtAddr'
// expected of clang++: no viable conversion from '.*PhysAddr' to '.*VirtAddr'
#include "shared/paging/page.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
Page4k misuse(PhysAddr address) { return Page4k::containing(address); }
#else
Page4k use(VirtAddr address) { return Page4k::containing(address); }
#endif

}  // namespace nestbed::paging
