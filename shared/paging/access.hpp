#pragma once

#include <cstdint>

#include "address.hpp"
#include "entry_format.hpp"

namespace nestbed::paging {

/// What the access does. Intel SDM Vol. 3A 4.6 "Access Rights".
enum class AccessType : std::uint8_t { read, write, fetch };

/// On whose behalf the access is made. Intel SDM Vol. 3A 4.6 "Access Rights".
enum class AccessMode : std::uint8_t {
    supervisor,           ///< CPL below 3: an explicit supervisor-mode access.
    user,                 ///< CPL 3.
    implicit_supervisor,  ///< To a system structure (descriptor table, TSS) at any CPL.
};

/// One access to memory.
struct Access {
    AccessType type = AccessType::read;
    AccessMode mode = AccessMode::supervisor;
};

/// The state of the processor that decides what an access may do, beside the tables: with paging
/// in IA-32e mode on, the rest off unless said.
struct ControlState {
    bool wp = true;           ///< CR0.WP: supervisor writes heed R/W = 0.
    bool smep = false;        ///< CR4.SMEP: no supervisor fetch from user pages.
    bool smap = false;        ///< CR4.SMAP: no supervisor data access to user pages unless `ac`.
    bool ac = false;          ///< EFLAGS.AC: explicit supervisor accesses pass SMAP.
    bool pke = false;         ///< CR4.PKE: protection keys for user pages, by `pkru`.
    bool pks = false;         ///< CR4.PKS: protection keys for supervisor pages, by `pkrs`.
    bool la57 = false;        ///< CR4.LA57: 5-level paging.
    std::uint32_t pkru = 0;   ///< For key i: bit 2i disables access, bit 2i + 1 disables write.
    std::uint32_t pkrs = 0;   ///< IA32_PKRS, the same for supervisor pages.
    EntryFormat format = {};  ///< MAXPHYADDR, EFER.NXE and what else makes bits reserved.

    /// The width of linear addresses that `la57` gives.
    constexpr LinearWidth width() const {
        return la57 ? LinearWidth::bits_57 : LinearWidth::bits_48;
    }
};

}  // namespace nestbed::paging
