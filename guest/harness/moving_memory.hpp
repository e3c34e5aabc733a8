// Moving the test memory's memslot while another CPU reads from it.
#pragma once

#include <cstdint>

#include "guest/harness/host_operation.hpp"
#include "shared/channel/test_memory.hpp"
#include "shared/stats/histogram.hpp"

namespace nestbed::guest {

/// A place for the test memory beside the one where it is mapped.
inline std::uint64_t other_place() {
    constexpr std::uint64_t granule = std::uint64_t{1} << 30;
    const std::uint64_t granules = (boot_info().test_memory.bytes + granule - 1) / granule;
    return channel::test_memory_physical + granules * granule;
}

/// What the reads found.
struct ReadsOfMovedMemory {
    std::uint64_t all;
    std::uint64_t nothing;  ///< while the memory was elsewhere
    std::uint64_t wrong;    ///< neither that nor the page's first word
};

/// Has the host move the test memory away and back, `moves` times in all, an even number, and
/// records what each took the host. Meanwhile the idle CPU `reader` reads page `page`, in user
/// mode.
ReadsOfMovedMemory move_while_read(std::uint64_t moves, std::uint32_t reader, std::uint64_t page,
                                   stats::Histogram& cycles);

}  // namespace nestbed::guest
