// A linear address is no physical address.
// expected of g++: cannot convert '.*VirtAddr' to '.*PhysAddr'
// expected of clang++: no viable conversion from '.*VirtAddr' to '.*PhysAddr'
#include "shared/paging/frame.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
Result<Frame4k> misuse(VirtAddr address) { return Frame4k::from(address); }
#else
Result<Frame4k> use(PhysAddr address) { return Frame4k::from(address); }
#endif

}  // namespace nestbed::paging
