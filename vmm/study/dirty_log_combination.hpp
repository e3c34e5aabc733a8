// What dirty logging is measured under, and how that stands in messages.
#pragma once

#include <cstdint>
#include <string>

#include "shared/channel/dirty_logging.hpp"
#include "shared/chase/chase.hpp"

namespace nestbed::vmm {

struct DirtyLogCombination {
    channel::DirtyLogKind log = channel::DirtyLogKind::bitmap;
    std::uint64_t memory = 16 << 20;  ///< bytes that are written, a multiple of 2 MiB
    std::uint32_t cpus = 1;           ///< that write a part of it each
    chase::Pattern pattern = chase::Pattern::strided;  ///< the order in which they do

    /// In words.
    std::string text() const;
};

}  // namespace nestbed::vmm
