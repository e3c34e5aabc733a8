// A page is aligned to its size.
// expected: the page's address is unaligned
#include "shared/paging/page.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
inline constexpr auto use = Page4k::at<0x1008>();
#else
inline constexpr auto use = Page4k::at<0x1000>();
#endif

}  // namespace nestbed::paging
