// The embedder's part. The library calls this where the program broke a rule that must not be
// survived: a stale translation dropped before its invalidation, or the value taken out of a Result
// that holds an error. A kernel panics here; it must not return.
#include <nestbed/paging/fatal.hpp>

#include <cstdio>
#include <cstdlib>

extern "C" void nestbed_paging_fatal(const char* message) noexcept {
    std::fprintf(stderr, "%s\n", message);
    std::abort();
}
