// Only a checked address makes a page.
// expected of g++: Page<Size>::Page.* is private
// expected of clang++: private constructor of class '.*Page<
#include "shared/paging/page.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
Page4k misuse(VirtAddr address) { return Page4k(address); }
#else
Page4k use(VirtAddr address) { return Page4k::containing(address); }
#endif

}  // namespace nestbed::paging
