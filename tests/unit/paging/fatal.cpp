// The embedder's part for the unit tests: a broken obligation ends the test program with its
// message, which death tests look for.
#include "shared/paging/fatal.hpp"

#include <cstdio>
#include <cstdlib>

extern "C" void nestbed_paging_fatal(const char* message) noexcept {
    std::fprintf(stderr, "%s\n", message);
    std::abort();
}
