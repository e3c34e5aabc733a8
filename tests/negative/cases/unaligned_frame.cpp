// A frame is aligned to its size.
// expected: the frame's address is unaligned
#include "shared/paging/frame.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
inline constexpr auto use = Frame2m::at<0x1000>();
#else
inline constexpr auto use = Frame2m::at<0x20'0000>();
#endif

}  // namespace nestbed::paging
