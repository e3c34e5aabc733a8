// Moving the test memory's memslot while another CPU reads from it.
#pragma once

#include <cstdint>

#include "guest/harness/host_operation.hpp"
#include "shared/channel/test_memory.hpp"
#include "shared/stats/histogram.hpp"

namespace nestbed::guest {

/// Read where there is no memory.
inline constexpr std::uint64_t read_of_nothing = ~std::uint64_t{0};

/// A place for the test memory beside the one where it is mapped.
inline std::uint64_t other_place() {
    constexpr std::uint64_t granule = std::uint64_t{1} << 30;
    const std::uint64_t granules = (boot_info().test_memory.bytes + granule - 1) / granule;
    return channel::test_memory_physical + granules * granule;
}

/// Ends the test as skipped if there is none that the vCPUs can address.
inline void skip_without_other_place() {
    if (other_place() + boot_info().test_memory.bytes >
        std::uint64_t{1} << boot_info().features.max_physical_bits) {
        GUEST_SKIP("no place to move so much memory to: the vCPUs have too few address bits");
    }
}

/// What the reads found.
struct ReadsOfMovedMemory {
    std::uint64_t right;    ///< the page's first word
    std::uint64_t nothing;  ///< while the memory was elsewhere
    std::uint64_t wrong;    ///< neither
};

/// Has the host move the test memory away and back so many times, and records what each move took
/// the host. Meanwhile the idle CPU `reader` reads page `page`, in user mode; it has found the page
/// before each trip, and nothing during each.
ReadsOfMovedMemory move_while_read(std::uint64_t trips, std::uint32_t reader, std::uint64_t page,
                                   stats::Histogram& cycles);

}  // namespace nestbed::guest
