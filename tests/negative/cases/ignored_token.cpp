// A token that a function returns cannot be overlooked.
// expected of g++: ignoring returned value of type '.*StaleTlbEntry
// expected of clang++: ignoring return value .*nodiscard
#include "shared/paging/stale.hpp"

namespace nestbed::paging {

StaleTlbEntry<PageSize::size_4k> obligation();

#ifndef WITHOUT_MISUSE
void misuse() { obligation(); }
#else
auto use() { return obligation(); }
#endif

}  // namespace nestbed::paging
