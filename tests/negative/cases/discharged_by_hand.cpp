// Only reclaiming pays for what was detached.
// expected: no member named 'discharge'|has no member
#include "tests/negative/mapper.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
void misuse(Invalidated<DetachedRange> done) { std::move(done).discharge(); }
#else
void use(AnyMapper& mapper, Invalidated<DetachedRange> done) {
    mapper.reclaim(std::move(done), [](const UnmappedPage&) {});
}
#endif

}  // namespace nestbed::paging
