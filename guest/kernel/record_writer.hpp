// The guest's end of its record ring: no exit per record, and none is ever lost.
#pragma once

#include <atomic>
#include <cstdint>

#include "guest/kernel/instructions.hpp"
#include "shared/channel/ring.hpp"

namespace nestbed::guest {

/// The calling CPU's RecordWriter::make_room(next), called in a way that leaves the compiler all
/// registers: it hardly ever happens, where each register kept free would cost an instruction.
inline std::uint64_t record_writer_make_room(std::uint64_t next) {
    std::uint64_t slot = 0;
    asm volatile("call nestbed_make_room" : "=a"(slot) : "D"(next) : "memory", "cc");
    return slot;
}

/// Written by its own CPU only. Interrupts are held off while a record is written; NMI handlers
/// must not write (a record that interrupts a record is a panic, not a corrupted ring).
class RecordWriter {
  public:
    void attach(channel::RingHeader& ring, std::uint8_t cpu);

    /// Writes a record straight into the ring: `fill(record)` sets what is the caller's, the rest
    /// is time, sequence and CPU. What it leaves out holds whatever was there. Rings the doorbell
    /// first if the ring is full. Otherwise it takes no exit and, the filling included, at most 30
    /// instructions (tests/vmm/record_instructions_test.cpp), which is why it is inline.
    template <typename Fill>
    [[gnu::always_inline]] void write(Fill fill) {
        const std::uint64_t flags = read_flags();
        disable_interrupts();
        // One instruction, so that no NMI comes between the look and the claim.
        std::uint64_t slot = next_.exchange(being_written, std::memory_order_relaxed);
        if (slot >= room_end_) [[unlikely]] {
            slot = record_writer_make_room(slot);
        }
        auto& record = *reinterpret_cast<channel::Record*>(slot);
        channel::RingHeader& ring = *ring_;
        const std::uint64_t head = ring.head;
        fill(record);
        store_tsc(record.tsc);
        record.sequence = static_cast<std::uint32_t>(head);
        record.cpu = cpu_;
        // Release: a host that stops this vCPU between two instructions (a timeout) and drains must
        // not count a record whose contents are not there yet.
        std::atomic_ref(ring.head).store(head + 1, std::memory_order_release);
        // Release: whoever finds the next slot free finds this record counted.
        next_.store(slot + sizeof record, std::memory_order_release);
        write_flags(flags);
    }

    /// The address of the slot for the next record, with room for it, when there is none left at
    /// `next`.
    std::uint64_t make_room(std::uint64_t next);

    /// Has the host take all records so far: when it returns the host has its copies of them and of
    /// measurements with their histograms. Strings it reads later still.
    void drain();

    /// How many records the host has taken so far.
    std::uint64_t taken() const { return ring_->tail; }

  private:
    /// Where no slot is, so that one comparison finds it together with the end of the room.
    static constexpr std::uint64_t being_written = ~std::uint64_t{0};

    std::atomic<std::uint64_t> next_{0};  ///< address of the next record's slot
    std::uint64_t room_end_ = 0;  ///< records may be written up to here, one after the other
    channel::RingHeader* ring_ = nullptr;
    std::uint8_t cpu_ = 0;
};

}  // namespace nestbed::guest
