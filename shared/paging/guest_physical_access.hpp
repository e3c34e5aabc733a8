#pragma once

#include <cstdint>

#include "access.hpp"

namespace nestbed::paging {

/// What guest-physical memory is accessed for.
enum class AccessPurpose : std::uint8_t {
    translation,   ///< The address is the translation of a linear address.
    table_entry,   ///< Read of an entry of the guest's tables, to translate a linear address.
    table_update,  ///< Write of accessed and dirty flags to an entry of the guest's tables.
    no_linear,     ///< No linear address is involved.
};

/// One access to guest-physical memory, as a second stage sees it.
struct GuestPhysicalAccess {
    AccessType type = AccessType::read;
    AccessPurpose purpose = AccessPurpose::translation;
    /// The guest's tables make the linear address a user-mode address: U/S = 1 at every level,
    /// whoever makes the access. Only mode-based execute control asks.
    bool user_linear = false;
};

}  // namespace nestbed::paging
