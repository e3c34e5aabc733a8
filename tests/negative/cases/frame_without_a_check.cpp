// Only a checked address makes a frame.
// expected of g++: Frame<Size>::Frame.* is private
// expected of clang++: private constructor of class '.*Frame<
#include "shared/paging/frame.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
Frame4k misuse(PhysAddr address) { return Frame4k(address); }
#else
Frame4k use(PhysAddr address) { return *Frame4k::from(address); }
#endif

}  // namespace nestbed::paging
