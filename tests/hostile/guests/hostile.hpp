// What hostile guests have in common: hands on what the runtime keeps to itself.
//
// What is expected of each test stands in tests/hostile/expectations.cpp.
#pragma once

#include <cstdint>

#include "guest/harness/measure.hpp"
#include "guest/harness/test.hpp"
#include "guest/kernel/cpu.hpp"
#include "guest/kernel/frames.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/smp.hpp"
#include "shared/channel/ports.hpp"
#include "shared/channel/ring.hpp"

namespace nestbed::guest::hostile {

using channel::Record;
using channel::RecordType;
using channel::RingHeader;

/// PML4 entry 224, which nothing uses.
inline constexpr std::uint64_t unmapped = 0x7000'0000'0000;
inline constexpr std::uint64_t non_canonical = 0x8000'0000'0000'0000;
/// Physical addresses at which there is nothing: far above all memory, and a call to the VMM.
inline constexpr std::uint64_t hole = 0x4'0000'0000;
inline constexpr std::uint64_t mmio_hole = 0xD010'0000;

inline void store(std::uint64_t address, std::uint64_t value) {
    *reinterpret_cast<volatile std::uint64_t*>(address) = value;
}
inline std::uint64_t load(std::uint64_t address) {
    return *reinterpret_cast<volatile const std::uint64_t*>(address);
}
template <typename T>
std::uint64_t address_of(const T& object) {
    return reinterpret_cast<std::uint64_t>(&object);
}

/// A pointer that the compiler knows nothing of.
template <typename T = const char>
T* pointer(std::uint64_t address) {
    asm volatile("" : "+r"(address));
    return reinterpret_cast<T*>(address);
}

[[noreturn]] inline void spin() {
    for (;;) {
        pause();
    }
}

inline RingHeader& ring(std::uint32_t cpu = 0) { return *boot_info().cpus[cpu].ring; }

inline Record& slot(std::uint64_t number, std::uint32_t cpu = 0) {
    RingHeader& header = ring(cpu);
    return reinterpret_cast<Record*>(&header + 1)[number & (header.capacity - 1)];
}

inline void ring_doorbell() { out(channel::port::doorbell, 0); }

/// A record as the channel wants it, but for what it says: on CPU 0, and in place of the runtime's.
inline void send(RecordType type, const void* text, std::uint8_t argument_count = 0,
                 std::uint16_t kinds = 0, const std::uint64_t (&arguments)[4] = {}) {
    RingHeader& header = ring();
    Record& record = slot(header.head);
    record.tsc = read_tsc();
    record.sequence = static_cast<std::uint32_t>(header.head);
    record.kinds = kinds;
    record.type = type;
    record.argument_count = argument_count;
    record.text = text;
    for (std::uint32_t n = 0; n < 4; ++n) {
        record.arguments[n] = arguments[n];
    }
    record.cpu = 0;
    header.head = header.head + 1;
    ring_doorbell();
}

/// The entry of `address` in the table of a level: 4 is the PML4, 1 a page table. There must be
/// one.
inline std::uint64_t& entry_of(std::uint64_t address, unsigned level,
                               std::uint64_t root = read_cr3()) {
    constexpr std::uint64_t frame = 0x000F'FFFF'FFFF'F000;
    std::uint64_t table = root & frame;
    for (unsigned at = 4;; --at) {
        const std::uint64_t index = address >> (12 + 9 * (at - 1)) & 511;
        std::uint64_t& entry =
            *reinterpret_cast<std::uint64_t*>(channel::layout::direct_map + table + index * 8);
        if (at == level) {
            return entry;
        }
        table = entry & frame;
    }
}

/// Lets user mode have what is in the direct map at `address`: where kernel mode is interpreted,
/// that is who can do much in a short time.
inline void open_to_user(const void* address) {
    constexpr std::uint64_t user = 1U << 2;
    for (unsigned level = 4; level >= 2; --level) {
        entry_of(reinterpret_cast<std::uint64_t>(address), level) |= user;
    }
    flush_tlb();
}

/// Present, writable; supervisor.
inline constexpr std::uint64_t mapped = 3;

inline std::uint64_t new_frame() {
    const auto frame = frames().allocate_zeroed();
    GUEST_REQUIRE(frame.has_value());
    return frame->address().raw();
}

inline std::uint64_t* table_at(std::uint64_t physical) {
    return reinterpret_cast<std::uint64_t*>(channel::layout::direct_map + physical);
}

/// Maps the 4 KiB page at `address`, of PML4 entry 224, to `physical`, in the tables that the VMM
/// made: it reads what records point to by them.
inline void map_page(std::uint64_t address, std::uint64_t physical) {
    for (unsigned level = 4; level >= 2; --level) {
        std::uint64_t& entry = entry_of(address, level);
        if ((entry & 1) == 0) {
            entry = new_frame() | mapped;
        }
    }
    entry_of(address, 1) = physical | mapped;
}

}  // namespace nestbed::guest::hostile
