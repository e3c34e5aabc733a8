#pragma once

#include <cstdint>

#include "../arch/page_fault.hpp"
#include "access.hpp"
#include "permission.hpp"

/// What an access may do to a page that its walk has come to: the same in every paging mode.
namespace nestbed::paging {

/// Whether protection keys forbid a data access. Intel SDM Vol. 3A 4.6.2 "Protection Keys".
constexpr bool key_forbids(unsigned key, bool user_page, Access access, const ControlState& state) {
    if (access.type == AccessType::fetch || !(user_page ? state.pke : state.pks)) {
        return false;
    }
    const std::uint32_t rights = (user_page ? state.pkru : state.pkrs) >> (2 * key);
    const bool access_disabled = (rights & 1) != 0;
    const bool write_disabled = (rights & 2) != 0;
    const bool write_heeds = access.mode == AccessMode::user || state.wp;
    return access_disabled || (write_disabled && access.type == AccessType::write && write_heeds);
}

/// Whether what the levels grant together forbids the access, keys aside.
/// Intel SDM Vol. 3A 4.6.1 "Determination of Access Rights".
constexpr bool rights_forbid(Permission granted, Access access, const ControlState& state) {
    const bool user_page = contains(granted, Permission::user);
    const bool by_user = access.mode == AccessMode::user;
    if (by_user && !user_page) {
        return true;
    }
    if (access.type == AccessType::fetch) {
        const bool smep_forbids = !by_user && user_page && state.smep;
        return smep_forbids || !contains(granted, Permission::execute);
    }
    const bool ac_passes = state.ac && access.mode == AccessMode::supervisor;
    if (!by_user && user_page && state.smap && !ac_passes) {
        return true;
    }
    const bool write_heeds = by_user || state.wp;
    return access.type == AccessType::write && write_heeds && !contains(granted, Permission::write);
}

/// The bits of the error code that describe the access, whatever went wrong.
/// Intel SDM Vol. 3A 4.7 "Page-Fault Exceptions".
constexpr arch::PageFaultError access_bits(Access access, const ControlState& state) {
    arch::PageFaultError error;
    if (access.type == AccessType::write) {
        error = error.with(arch::PageFaultError::write_bit);
    }
    if (access.mode == AccessMode::user) {
        error = error.with(arch::PageFaultError::user_bit);
    }
    if (access.type == AccessType::fetch && (state.format.nxe || state.smep)) {
        error = error.with(arch::PageFaultError::fetch_bit);
    }
    return error;
}

}  // namespace nestbed::paging
