// An index into a PML4 does not select in a PDPT.
// expected of g++: cannot convert 'TableIndex<.*pml4>' to 'TableIndex<.*pdpt>'
// expected of clang++: no viable conversion from 'TableIndex<
#include "shared/paging/table.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
Pdpte misuse(const Table<Level::pdpt>& table, TableIndex<Level::pml4> index) {
    return table.get(index);
}
#else
Pdpte use(const Table<Level::pdpt>& table, TableIndex<Level::pdpt> index) {
    return table.get(index);
}
#endif

}  // namespace nestbed::paging
