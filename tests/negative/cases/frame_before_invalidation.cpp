// The frame is out of reach until the translation is invalidated.
// expected of g++: has no member named 'frame'
// expected of clang++: no member named 'frame'
#include "tests/negative/mapper.hpp"

namespace nestbed::paging {

using Token = StaleTlbEntry<PageSize::size_4k>;

#ifndef WITHOUT_MISUSE
Frame4k misuse(Token& token) { return token.frame(); }
#else
Page4k use(Token& token) { return token.page(); }
#endif

}  // namespace nestbed::paging
