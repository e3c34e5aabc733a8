// A mapper without a root makes no sense.
// expected of g++: could not convert .* to '.*MapperSettings'
// expected of clang++: no matching constructor for initialization of '.*Frame4k'
#include "tests/negative/mapper.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
MapperSettings misuse() { return {.width = LinearWidth::bits_48}; }
#else
MapperSettings use() { return {.root = frame_4k, .width = LinearWidth::bits_48}; }
#endif

}  // namespace nestbed::paging
