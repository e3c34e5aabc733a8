#include "guest/kernel/record_writer.hpp"

#include <atomic>

#include "guest/kernel/instructions.hpp"
#include "guest/kernel/panic.hpp"
#include "shared/channel/ports.hpp"

namespace nestbed::guest {

void RecordWriter::attach(channel::RingHeader& ring, std::uint8_t cpu) {
    ring_ = &ring;
    cpu_ = cpu;
}

void RecordWriter::write(const channel::Record& record) {
    const InterruptsOff guard;
    if (writing_) {
        panic("a record was written while this CPU was writing one (from an NMI handler?)");
    }
    writing_ = true;
    const std::uint64_t head = ring_->head;
    if (head - ring_->tail == ring_->capacity) {
        drain();
    }
    auto* slots = reinterpret_cast<channel::Record*>(ring_ + 1);
    channel::Record& slot = slots[head & (ring_->capacity - 1)];
    slot = record;
    slot.tsc = read_tsc();
    slot.sequence = static_cast<std::uint32_t>(head);
    slot.cpu = cpu_;
    // Release: a host that stops this vCPU between two instructions (a timeout) and drains must
    // not count a record whose contents are not there yet.
    std::atomic_ref(ring_->head).store(head + 1, std::memory_order_release);
    writing_ = false;
}

void RecordWriter::drain() { out(channel::port::doorbell, 0); }

}  // namespace nestbed::guest
