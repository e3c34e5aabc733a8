// A limit on the memory that C libraries take for one input: beyond it malloc() has none, as in a
// process that has a limit. The linker sends their calls here (--wrap); where the unit tests run
// the same target on its corpus, there is no limit.
#pragma once

#include <cstddef>
#include <cstdlib>

#ifdef NESTBED_LIBFUZZER

namespace nestbed::fuzz {

inline std::size_t memory_left = 0;

inline bool take_memory(std::size_t count, std::size_t size) {
    std::size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > memory_left) {
        return false;
    }
    memory_left -= bytes;
    return true;
}

inline void begin_memory_budget(std::size_t bytes) { memory_left = bytes; }

}  // namespace nestbed::fuzz

extern "C" {
void* __real_malloc(std::size_t size);
void* __real_calloc(std::size_t count, std::size_t size);
void* __real_realloc(void* memory, std::size_t size);

void* __wrap_malloc(std::size_t size) {
    return nestbed::fuzz::take_memory(1, size) ? __real_malloc(size) : nullptr;
}
void* __wrap_calloc(std::size_t count, std::size_t size) {
    return nestbed::fuzz::take_memory(count, size) ? __real_calloc(count, size) : nullptr;
}
void* __wrap_realloc(void* memory, std::size_t size) {
    return nestbed::fuzz::take_memory(1, size) ? __real_realloc(memory, size) : nullptr;
}
}

#else

namespace nestbed::fuzz {
inline void begin_memory_budget(std::size_t /*bytes*/) {}
}  // namespace nestbed::fuzz

#endif
