// What is no window does not show tables.
// expected of g++: template constraint failure for .*TableWindow
// expected of clang++: constraints not satisfied for class template 'Mapper'
#include "tests/negative/mapper.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
using Misuse = Mapper<Source, Source>;
#else
using Use = Mapper<Window, Source>;
#endif

}  // namespace nestbed::paging
