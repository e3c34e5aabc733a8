// The same 64 bits mean something else at another level.
// expected of g++: could not convert 'entry' from 'Entry<.*pt>' to 'Entry<.*pd>'
// expected of clang++: no viable conversion from returned value of type 'Entry<
#include "shared/paging/entry.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
Pde misuse(Pte entry) { return entry; }
#else
Pde use(Pte entry) { return Pde(entry.raw()); }
#endif

}  // namespace nestbed::paging
