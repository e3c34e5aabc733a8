// PS is reserved in a PML4 entry, so there is no such flag.
// expected of g++: no matching function for call to '.*pml4>::page_size\(
// expected of clang++: function 'page_size': constraints not satisfied
#include "shared/paging/entry_flags.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
EntryFlags<Level::pml4> misuse() { return EntryFlags<Level::pml4>::page_size(); }
#else
EntryFlags<Level::pdpt> use() { return EntryFlags<Level::pdpt>::page_size(); }
#endif

}  // namespace nestbed::paging
