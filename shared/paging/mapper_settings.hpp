#pragma once

#include <cstdint>

#include "address.hpp"
#include "entry_format.hpp"
#include "frame.hpp"

namespace nestbed::paging {

/// Which part of the address space a mapper may change.
enum class MapperScope : std::uint8_t {
    user_half,  ///< Root entries 0 to 255; the upper half is the kernel's and shared by all roots.
    whole,      ///< Everything: for the kernel's own mapper.
};

/// What a mapper works on.
struct MapperSettings {
    /// The root table, all zero when new.
    Frame4k root;
    /// 48 bits for 4-level paging, whose root is a PML4; 57 for 5-level paging and a PML5.
    LinearWidth width = LinearWidth::bits_48;
    MapperScope scope = MapperScope::user_half;
    /// What the processor supports; a mapping that it would fault on is refused.
    EntryFormat format{};
};

}  // namespace nestbed::paging
