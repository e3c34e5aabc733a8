// Where things are in every guest's address space when its first instruction runs. The VMM builds
// page tables that say so; the guest's linker script and address spaces rely on it.
#pragma once

#include <cstdint>

namespace nestbed::channel::layout {

/// All guest physical memory, writable and not executable, supervisor only.
inline constexpr std::uint64_t direct_map = 0xFFFF'8880'0000'0000;
/// The kernel image: in the last 2 GiB, as `-mcmodel=kernel` requires, and so near to the end of
/// the address space that its 32-bit RIP-relative references reach around it into the user image.
inline constexpr std::uint64_t kernel_image = 0xFFFF'FFFF'C000'0000;
/// The user image: the guest's user-mode code and data, shared by all address spaces. It has the
/// lowest PML4E to itself; the rest of the lower half is free.
inline constexpr std::uint64_t user_image = 0x40'0000;
/// The test memory (test_memory.hpp), for user mode. It has this PML4E to itself.
inline constexpr std::uint64_t test_memory = 0x6000'0000'0000;
/// Guest physical address at which images are linked to be loaded.
inline constexpr std::uint64_t image_physical = 0x10'0000;
/// Size of a guest's whole image, at most.
inline constexpr std::uint64_t image_limit = 0x1000'0000;

}  // namespace nestbed::channel::layout
