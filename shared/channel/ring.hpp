// The record ring: one per vCPU, in guest memory, written by that vCPU alone and read by the host
// only while that vCPU is outside the guest. So there is never a reader beside a writer: the exit
// itself orders the guest's stores before the host's loads, and the entry orders the host's `tail`
// before the guest's next load.
#pragma once

#include <cstdint>

#include "record.hpp"

namespace nestbed::channel {

/// Followed in memory by `capacity` records. `head` and `tail` count records from the start of the
/// VM and are never wrapped; record n is in slot n modulo capacity.
struct alignas(64) RingHeader {
    std::uint64_t head;      ///< records written; the guest's
    std::uint64_t tail;      ///< records taken; the host's
    std::uint64_t capacity;  ///< a power of two; set by the host, which keeps its own copy
};
static_assert(sizeof(RingHeader) == sizeof(Record));

inline constexpr std::uint32_t default_ring_records = 256;
inline constexpr std::uint32_t max_ring_records = 1U << 16;

/// Bytes of a ring with its header.
constexpr std::uint64_t ring_bytes(std::uint64_t capacity) {
    return sizeof(RingHeader) + capacity * sizeof(Record);
}

}  // namespace nestbed::channel
