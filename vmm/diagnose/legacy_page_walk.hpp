// Walks of 32-bit and PAE paging, as they are shown.
#pragma once

#include "shared/paging/entry_format.hpp"
#include "vmm/diagnose/shown_walk.hpp"
#include "vmm/memory/legacy_walk.hpp"
#include "vmm/memory/paging_state.hpp"

namespace nestbed::vmm {

ShownWalk shown(const LegacyWalk& walk, PagingMode mode, const paging::EntryFormat& format);

}  // namespace nestbed::vmm
