// A PTE maps a 4 KiB frame.
// expected of g++: cannot convert 'Frame<.*2m>' to 'Frame<.*4k>'
// expected of clang++: no viable conversion from 'const Frame<21>' to 'Frame<
#include "tests/negative/mapper.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
Pte misuse() { return Pte::leaf(frame_2m, flags); }
#else
Pte use() { return Pte::leaf(frame_4k, flags); }
#endif

}  // namespace nestbed::paging
