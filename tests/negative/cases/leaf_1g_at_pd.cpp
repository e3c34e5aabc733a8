// A PD entry maps 2 MiB; a 1 GiB leaf belongs in the PDPT.
// expected of g++: cannot convert 'Frame<.*1g>' to 'Frame<.*2m>'
// expected of clang++: no viable conversion from 'const Frame<30>' to 'Frame<
#include "tests/negative/mapper.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
Pde misuse() { return Pde::leaf(frame_1g, flags); }
#else
Pdpte use() { return Pdpte::leaf(frame_1g, flags); }
#endif

}  // namespace nestbed::paging
