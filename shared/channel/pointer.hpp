// One ABI, two views: in the guest a Pointer is a pointer; on the host it is a guest linear
// address that cannot be dereferenced, only handed to the one checked door to guest memory.
#pragma once

#include <cstdint>

namespace nestbed::channel {

#ifdef NESTBED_GUEST
template <typename T>
using Pointer = T*;
#else
template <typename T>
struct Pointer {
    std::uint64_t address;

    constexpr explicit operator bool() const { return address != 0; }
    friend constexpr bool operator==(Pointer, Pointer) = default;
};
#endif

static_assert(sizeof(Pointer<int>) == 8);

}  // namespace nestbed::channel
