// An integer is no linear address until someone says so.
// expected of g++: cannot convert 'int' to '.*VirtAddr'
// expected of clang++: no viable conversion from 'int' to '.*VirtAddr'
#include "tests/negative/mapper.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
Result<Mapping> misuse(const AnyMapper& mapper) { return mapper.lookup(0x1000); }
#else
Result<Mapping> use(const AnyMapper& mapper) { return mapper.lookup(VirtAddr(0x1000)); }
#endif

}  // namespace nestbed::paging
