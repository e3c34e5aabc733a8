// Guest physical addresses with no memory behind them, at which a write is a call to the VMM
// (memory-mapped I/O). Each is the start of a page, and is written with a 32-bit MOV.
#pragma once

#include <cstdint>

namespace nestbed::channel::mmio {

/// Does nothing, as `port::nothing`.
inline constexpr std::uint64_t nothing = 0xD000'0000;
/// As `port::coalesced`.
inline constexpr std::uint64_t coalesced = 0xD000'1000;

}  // namespace nestbed::channel::mmio
