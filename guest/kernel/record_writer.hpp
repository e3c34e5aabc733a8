// The guest's end of its record ring: no exit per record, and none is ever lost.
#pragma once

#include <cstdint>

#include "shared/channel/ring.hpp"

namespace nestbed::guest {

/// Written by its own CPU only. Interrupts are held off while a record is written; NMI handlers
/// must not write (a record that interrupts a record is a panic, not a corrupted ring).
class RecordWriter {
  public:
    void attach(channel::RingHeader& ring, std::uint8_t cpu);

    /// Fills in sequence, CPU and time. Rings the doorbell first if the ring is full.
    void write(const channel::Record& record);

    /// Has the host take all records so far: when it returns the host has read whatever they
    /// point to.
    void drain();

    /// How many records the host has taken so far.
    std::uint64_t taken() const { return ring_->tail; }

  private:
    channel::RingHeader* ring_ = nullptr;
    std::uint8_t cpu_ = 0;
    bool writing_ = false;
};

}  // namespace nestbed::guest
