// A guest's memory with record rings in it, and a hand that writes to them in place of the guest:
// in order as a guest does, or not.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "shared/channel/layout.hpp"
#include "shared/channel/ring.hpp"
#include "tests/unit/diagnose/loaded_guest.hpp"

namespace nestbed::vmm::test {

class FakeGuest {
  public:
    explicit FakeGuest(std::uint32_t cpus = 1, std::uint64_t ring_records = 8)
        : guest_("boot"), ring_records_(ring_records), strings_(guest_.new_page()) {
        for (std::uint32_t cpu = 0; cpu < cpus; ++cpu) {
            rings_.push_back(guest_.new_page());
            set_head(cpu, 0);
        }
    }

    GuestMemory& memory() { return guest_.memory(); }
    VirtualMemory virtual_memory() const { return guest_.virtual_memory(); }
    paging::Frame4k root() const { return virtual_memory().root(); }
    const std::vector<std::uint64_t>& rings() const { return rings_; }
    std::uint64_t ring_records() const { return ring_records_; }

    /// A zero-terminated string in guest memory: its virtual address.
    std::uint64_t text(std::string_view characters) {
        const std::uint64_t at = strings_ + strings_used_;
        strings_used_ += characters.size() + 1;
        std::memcpy(memory().at(at, characters.size()), characters.data(), characters.size());
        return virtual_address(at);
    }

    /// Any value in a page of its own: its virtual address.
    template <typename T>
    std::uint64_t place(const T& value) {
        std::uint64_t first = guest_.new_page();
        for (std::uint64_t size = 4096; size < sizeof value; size += 4096) {
            guest_.new_page();  // they follow one another
        }
        static_cast<void>(memory().write(first, value));
        return virtual_address(first);
    }

    std::uint64_t head(std::uint32_t cpu) { return header(cpu).head; }
    std::uint64_t tail(std::uint32_t cpu) { return header(cpu).tail; }
    void set_head(std::uint32_t cpu, std::uint64_t head) {
        channel::RingHeader changed = header(cpu);
        changed.head = head;
        changed.capacity = ring_records_;
        static_cast<void>(memory().write(rings_[cpu], changed));
    }

    /// A log record as the guest's next on this vCPU would be.
    channel::Record next_record(std::uint32_t cpu, std::uint64_t text_address) {
        channel::Record record{};
        record.type = channel::RecordType::log;
        record.text = {text_address};
        record.cpu = static_cast<std::uint8_t>(cpu);
        record.sequence = static_cast<std::uint32_t>(head(cpu));
        record.tsc = ++clock_;
        return record;
    }

    /// Puts a record into the slot at the head, and counts it.
    void write(std::uint32_t cpu, const channel::Record& record) {
        const std::uint64_t at = head(cpu);
        put(cpu, at, record);
        set_head(cpu, at + 1);
    }
    void put(std::uint32_t cpu, std::uint64_t n, const channel::Record& record) {
        static_cast<void>(memory().write(
            rings_[cpu] + sizeof(channel::RingHeader) + (n & (ring_records_ - 1)) * sizeof record,
            record));
    }

    void log(std::uint32_t cpu, std::string_view line) { write(cpu, next_record(cpu, text(line))); }

  private:
    static std::uint64_t virtual_address(std::uint64_t physical) {
        return channel::layout::direct_map + physical;
    }
    channel::RingHeader header(std::uint32_t cpu) {
        return *memory().read<channel::RingHeader>(rings_[cpu]);
    }

    LoadedGuest guest_;
    std::uint64_t ring_records_;
    std::uint64_t strings_;
    std::uint64_t strings_used_ = 0;
    std::vector<std::uint64_t> rings_;
    std::uint64_t clock_ = 0;
};

}  // namespace nestbed::vmm::test
