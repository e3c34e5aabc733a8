#include "guest/kernel/record_writer.hpp"

#include "guest/kernel/cpu.hpp"
#include "guest/kernel/panic.hpp"
#include "shared/channel/ports.hpp"

namespace nestbed::guest {

void RecordWriter::attach(channel::RingHeader& ring, std::uint8_t cpu) {
    ring_ = &ring;
    cpu_ = cpu;
    // No room: the first record has make_room() look.
    room_end_ = 0;
    next_.store(0, std::memory_order_relaxed);
}

std::uint64_t RecordWriter::make_room(std::uint64_t next) {
    if (next == being_written) {
        panic("a record was written while this CPU was writing one (from an NMI handler?)");
    }
    const std::uint64_t capacity = ring_->capacity;
    const std::uint64_t head = ring_->head;
    if (head - ring_->tail == capacity) {
        drain();
    }
    // Up to the end of the ring, where it goes on at the beginning, or to the oldest record that
    // the host has not taken. (A host that has given the ring up takes nothing any more.)
    const std::uint64_t first = head & (capacity - 1);
    const std::uint64_t free = capacity - (head - ring_->tail);
    const std::uint64_t room = free < capacity - first ? free : capacity - first;
    const auto* slots = reinterpret_cast<const channel::Record*>(ring_ + 1);
    const auto slot = reinterpret_cast<std::uint64_t>(slots + first);
    room_end_ = slot + (room == 0 ? 1 : room) * sizeof(channel::Record);
    return slot;
}

extern "C" [[gnu::used, gnu::no_caller_saved_registers]] std::uint64_t nestbed_make_room(
    std::uint64_t next) {
    return this_cpu().records.make_room(next);
}

void RecordWriter::drain() { out(channel::port::doorbell, 0); }

}  // namespace nestbed::guest
