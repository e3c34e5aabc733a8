// The entry library's word for a broken rule, on the host: a bug of this program.

#include <cstdio>
#include <cstdlib>

#include "shared/paging/fatal.hpp"

void nestbed_paging_fatal(const char* message) noexcept {
    std::fprintf(stderr, "nestbed: internal error: %s\n", message);
    std::abort();
}
