// Raw bits are no permission.
// expected of g++: no matching function for call to '.*Flags\(int\)'
// expected of clang++: no matching conversion .* from 'int' to '.*Flags'
#include "shared/paging/flags.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
Flags misuse() { return Flags(3); }
#else
Flags use() { return Flags(Permission::read | Permission::write); }
#endif

}  // namespace nestbed::paging
