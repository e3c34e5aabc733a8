// A multiboot guest and what its loader tells it, in the memory of its PC (Multiboot Specification
// 0.6.96, 3.3 "Boot information format").
#pragma once

#include <cstdint>

#include "vmm/loader/multiboot_image.hpp"
#include "vmm/loader/pc_settings.hpp"
#include "vmm/memory/guest_memory.hpp"

namespace nestbed::vmm {

/// Fills new memory with the image and the information. Returns the guest physical address of the
/// latter. Throws Error(usage) if it does not fit.
std::uint32_t load_multiboot(GuestMemory& memory, const MultibootImage& image,
                             const PcSettings& settings);

}  // namespace nestbed::vmm
