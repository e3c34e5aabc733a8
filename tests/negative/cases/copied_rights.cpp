// An obligation is not doubled.
// expected of g++: use of deleted function '.*StaleRights\(const
// expected of clang++: implicitly-deleted copy constructor of '.*Rights'
#include "tests/negative/mapper.hpp"

namespace nestbed::paging {

using Rights = StaleRights<PageSize::size_4k>;

#ifndef WITHOUT_MISUSE
Rights misuse(const Rights& rights) { return rights; }
#else
Rights use(Rights&& rights) { return std::move(rights); }
#endif

}  // namespace nestbed::paging
