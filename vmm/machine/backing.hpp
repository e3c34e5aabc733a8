// The host memory behind a guest's memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "vmm/kvm/descriptor.hpp"

namespace nestbed::vmm {

/// Which host pages back the guest: what a second-stage (or shadow) leaf can be made of.
enum class Backing {
    small_pages,  ///< anonymous 4 KiB pages; transparent huge pages are turned off
    transparent,  ///< anonymous memory, transparent huge pages asked for
    huge_pages,   ///< 2 MiB pages reserved in hugetlbfs
};

std::string_view backing_name(Backing backing);
std::optional<Backing> backing_from_name(std::string_view name);

/// Maps `size` bytes (a multiple of 2 MiB), zeroed and 2 MiB-aligned. Throws Error(bad_input) if
/// the host has not got them.
kvm::Mapping map_backing(Backing backing, std::uint64_t size);

}  // namespace nestbed::vmm
