// An obligation is not doubled.
// expected of g++: use of deleted function '.*StaleTlbEntry\(const
// expected of clang++: implicitly-deleted copy constructor of '.*Token'
#include "tests/negative/mapper.hpp"

namespace nestbed::paging {

using Token = StaleTlbEntry<PageSize::size_4k>;

#ifndef WITHOUT_MISUSE
Token misuse(const Token& token) { return token; }
#else
Token use(Token&& token) { return std::move(token); }
#endif

}  // namespace nestbed::paging
