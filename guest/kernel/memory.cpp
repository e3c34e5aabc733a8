// The functions that the compiler, or a header of the C++ library, may call by itself. One string
// instruction each, where there is one: where kernel mode is interpreted, it counts as one.

#include <cstddef>
#include <cstdint>

extern "C" {

void* memcpy(void* destination, const void* source, std::size_t count) {
    void* result = destination;
    asm volatile("rep movsb" : "+D"(destination), "+S"(source), "+c"(count) : : "memory");
    return result;
}

void* memset(void* destination, int value, std::size_t count) {
    void* result = destination;
    asm volatile("rep stosb" : "+D"(destination), "+c"(count) : "a"(value) : "memory");
    return result;
}

void* memmove(void* destination, const void* source, std::size_t count) {
    const auto to = reinterpret_cast<std::uint64_t>(destination);
    const auto from = reinterpret_cast<std::uint64_t>(source);
    if (to - from >= count) {  // unsigned: true if `to` is below `from`, or past its end
        return memcpy(destination, source, count);
    }
    const void* last_source = static_cast<const std::uint8_t*>(source) + count - 1;
    void* last_destination = static_cast<std::uint8_t*>(destination) + count - 1;
    asm volatile("std\n\trep movsb\n\tcld"
                 : "+D"(last_destination), "+S"(last_source), "+c"(count)
                 :
                 : "memory");
    return destination;
}

int memcmp(const void* left, const void* right, std::size_t count) {
    const auto* a = static_cast<const std::uint8_t*>(left);
    const auto* b = static_cast<const std::uint8_t*>(right);
    for (std::size_t i = 0; i < count; ++i) {
        if (a[i] != b[i]) {
            return a[i] < b[i] ? -1 : 1;
        }
    }
    return 0;
}

std::size_t strlen(const char* text) {
    const char* end = text;
    std::size_t left = ~std::size_t{0};
    asm volatile("repne scasb" : "+D"(end), "+c"(left) : "a"(0) : "cc", "memory");
    return static_cast<std::size_t>(end - text) - 1;
}

/// Of libgcc: GCC calls it for std::popcount, since not every x86-64 processor has POPCNT.
int __popcountdi2(std::int64_t value) {
    int count = 0;
    for (auto bits = static_cast<std::uint64_t>(value); bits != 0; bits &= bits - 1) {
        ++count;
    }
    return count;
}

}  // extern "C"
