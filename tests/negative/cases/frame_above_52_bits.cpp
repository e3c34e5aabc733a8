// No frame lies above 2^52.
// expected: above 52 bits
#include "shared/paging/frame.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
inline constexpr auto use = Frame4k::at<0x10'0000'0000'0000>();
#else
inline constexpr auto use = Frame4k::at<0xF'FFFF'FFFF'F000>();
#endif

}  // namespace nestbed::paging
