// Frames and tables of a range come back only after its invalidation.
// expected of g++: no matching function for call to '.*::reclaim\(
// expected of clang++: no matching member function for call to 'reclaim'
#include "tests/negative/mapper.hpp"

namespace nestbed::paging {

struct AnySink {
    void operator()(const UnmappedPage& page) const;
};

#ifndef WITHOUT_MISUSE
void misuse(AnyMapper& mapper, DetachedRange range) { mapper.reclaim(std::move(range), AnySink{}); }
#else
void use(AnyMapper& mapper, DetachedRange range) {
    mapper.reclaim(std::move(range).invalidate(AnyInvalidator{}), AnySink{});
}
#endif

}  // namespace nestbed::paging
