// A token's page has the token's size.
// expected of g++: no matching function for call to '.*4k>::StaleTlbEntry\(
// expected of clang++: no matching constructor for initialization of '.*Token'
#include "tests/negative/mapper.hpp"

namespace nestbed::paging {

using Token = StaleTlbEntry<PageSize::size_4k>;

#ifndef WITHOUT_MISUSE
Token misuse() { return Token(space, page_2m, frame_4k, Pte()); }
#else
Token use() { return Token(space, page_4k, frame_4k, Pte()); }
#endif

}  // namespace nestbed::paging
