// A token for a 2 MiB page is not taken for one of a 4 KiB page.
// expected of g++: could not convert .* from .*2m.* to .*4k
// expected of clang++: no matching function for call to 'pay'
#include "tests/negative/mapper.hpp"

namespace nestbed::paging {

Frame4k pay(StaleTlbEntry<PageSize::size_4k> token);

#ifndef WITHOUT_MISUSE
Frame4k misuse(AnyMapper& mapper) { return pay(*mapper.unmap(page_2m)); }
#else
Frame4k use(AnyMapper& mapper) { return pay(*mapper.unmap(page_4k)); }
#endif

}  // namespace nestbed::paging
