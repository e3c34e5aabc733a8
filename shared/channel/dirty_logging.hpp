// How KVM is to tell which pages of the test memory (test_memory.hpp) were written.
#pragma once

#include <cstdint>

namespace nestbed::channel {

enum class DirtyLogKind : std::uint32_t {
    none = 0,
    bitmap = 1,  ///< a bit per page (KVM_GET_DIRTY_LOG), cleared by hand (KVM_CLEAR_DIRTY_LOG)
    ring = 2,    ///< a list of pages for each vCPU (KVM_CAP_DIRTY_LOG_RING)
};

constexpr const char* name_of(DirtyLogKind kind) {
    switch (kind) {
        case DirtyLogKind::none:
            return "none";
        case DirtyLogKind::bitmap:
            return "bitmap";
        case DirtyLogKind::ring:
            return "ring";
    }
    return "?";
}

/// What a VM is made with: KVM does not let it change later.
struct DirtyLogging {
    DirtyLogKind kind = DirtyLogKind::none;
    /// Ring: how many pages each vCPU's ring holds, a power of two; 0: as few as this KVM takes.
    std::uint32_t ring_entries = 0;
    /// Bitmap: 1 if a log begins with all pages in it, and each is write-protected only when it is
    /// cleared (KVM_DIRTY_LOG_INITIALLY_SET); 0 if with none, all write-protected at once.
    std::uint32_t initially_set = 0;
    std::uint32_t reserved = 0;

    friend constexpr bool operator==(const DirtyLogging&, const DirtyLogging&) = default;
};
static_assert(sizeof(DirtyLogging) == 16);

/// KVM_DIRTY_RING_MAX_ENTRIES.
inline constexpr std::uint32_t max_dirty_ring_entries = 65536;

}  // namespace nestbed::channel
