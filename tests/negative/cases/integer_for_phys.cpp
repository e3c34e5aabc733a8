// An integer is no physical address until someone says so.
// expected of g++: cannot convert 'uint64_t'.* to '.*PhysAddr'
// expected of clang++: no viable conversion from .* to '.*PhysAddr'
#include "shared/paging/frame.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
Result<Frame4k> misuse(std::uint64_t address) { return Frame4k::from(address); }
#else
Result<Frame4k> use(std::uint64_t address) { return Frame4k::from(PhysAddr(address)); }
#endif

}  // namespace nestbed::paging
