// A table has no entry 512.
// expected: a table has 512 entries
#include "shared/paging/table_index.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
inline constexpr auto use = TableIndex<Level::pd>::at<512>();
#else
inline constexpr auto use = TableIndex<Level::pd>::at<511>();
#endif

}  // namespace nestbed::paging
