// Invalidating the calling CPU's translations by each means that the processor has.
#pragma once

#include "shared/paging/invalidation.hpp"
#include "shared/shootdown/request.hpp"
#include "shared/study/shootdown_axes.hpp"

namespace nestbed::guest {

using study::FlushPrimitive;

/// Whether the vCPU has the instruction.
bool has(FlushPrimitive primitive);

/// How this guest carries out a request.
struct FlushPolicy {
    FlushPrimitive primitive = FlushPrimitive::invlpg;
    /// A request of more pages is carried out as one for everything, if the primitive is by page.
    std::uint64_t threshold = paging::max_single_invalidations;
};

/// The space that the request is about is loaded, without a PCID. `cr3`, `invpcid_address`,
/// `invpcid_context` and `invpcid_non_global` leave global translations, whatever the request says:
/// they are for spaces that have none. With a primitive that is by page, everything goes by a
/// toggle of CR4.PGE.
void flush(const shootdown::Request& request, const FlushPolicy& policy);

}  // namespace nestbed::guest
