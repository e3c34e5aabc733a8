// Who invalidates gives the token up, and says so.
// expected of g++: 'this' argument discards qualifiers
// expected of clang++: no matching member function for call to 'invalidate'
#include "tests/negative/mapper.hpp"

namespace nestbed::paging {

using Token = StaleTlbEntry<PageSize::size_4k>;

#ifndef WITHOUT_MISUSE
Frame4k misuse(Token& token) { return token.invalidate(AnyInvalidator{}); }
#else
Frame4k use(Token& token) { return std::move(token).invalidate(AnyInvalidator{}); }
#endif

}  // namespace nestbed::paging
