// A table holds entries of its own level.
// expected of g++: cannot convert 'Entry<.*pt>' to 'Entry<.*pd>'
// expected of clang++: no viable conversion from 'Entry<
#include "shared/paging/table.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
void misuse(Table<Level::pd>& table, Pte entry) {
    table.set(TableIndex<Level::pd>::at<1>(), entry);
}
#else
void use(Table<Level::pd>& table, Pde entry) { table.set(TableIndex<Level::pd>::at<1>(), entry); }
#endif

}  // namespace nestbed::paging
