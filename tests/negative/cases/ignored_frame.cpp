// The frame that comes out of an invalidation must go somewhere.
// expected of g++: ignoring return value of '.*::invalidate\(
// expected of clang++: ignoring return value .*nodiscard
#include "tests/negative/mapper.hpp"

namespace nestbed::paging {

using Token = StaleTlbEntry<PageSize::size_4k>;

#ifndef WITHOUT_MISUSE
void misuse(Token token) { std::move(token).invalidate(AnyInvalidator{}); }
#else
Frame4k use(Token token) { return std::move(token).invalidate(AnyInvalidator{}); }
#endif

}  // namespace nestbed::paging
