#pragma once

#include <cstddef>
#include <cstdint>

namespace nestbed::paging {

/// What may be done with a page: any union of the four.
///
/// A set, not a promise that x86 can express it: without `read` nothing can be mapped, since a
/// present page is readable.
enum class Permission : std::uint8_t {
    none = 0,
    read = 1 << 0,
    write = 1 << 1,
    user = 1 << 2,
    execute = 1 << 3,
};

constexpr Permission operator|(Permission a, Permission b) {
    return static_cast<Permission>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}

constexpr Permission operator&(Permission a, Permission b) {
    return static_cast<Permission>(static_cast<unsigned>(a) & static_cast<unsigned>(b));
}

/// Whether `set` grants all of `wanted`.
constexpr bool contains(Permission set, Permission wanted) { return (set & wanted) == wanted; }

/// The number of permissions there are: the values below it are all of them.
inline constexpr std::size_t permission_count = 16;

}  // namespace nestbed::paging
