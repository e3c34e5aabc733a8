// Two MiB of guest memory, and tables that show all of it in the direct map and where a kernel
// image would be. Made once, and cleared for each input: to map memory takes longer than most
// inputs do.
#pragma once

#include <cstdint>
#include <cstring>

#include "shared/channel/layout.hpp"
#include "vmm/memory/backing.hpp"
#include "vmm/memory/guest_memory.hpp"
#include "vmm/memory/virtual_memory.hpp"

namespace nestbed::fuzz {

class FlatMemory {
  public:
    static constexpr std::uint64_t bytes = 2 << 20;
    static constexpr std::uint64_t direct_map = channel::layout::direct_map;

    FlatMemory() : memory_(vmm::map_backing({.kind = vmm::Backing::anon}, bytes)) {}

    vmm::GuestMemory& memory() { return memory_; }
    static paging::Frame4k root() { return *paging::Frame4k::from(paging::PhysAddr(tables)); }
    vmm::VirtualMemory virtual_memory() const { return {memory_, root()}; }

    /// What an input may have changed, from 0 on. A reader of the rest finds zeroes.
    static constexpr std::uint64_t used_bytes = 64 << 10;

    void clear() { std::memset(memory_.at(0, used_bytes), 0, used_bytes); }

    /// In the last of the pages that clear() clears.
    void build_tables() {
        constexpr std::uint64_t present_writable = 3;
        constexpr std::uint64_t large = 0x83;
        const std::uint64_t directory_pointers = tables + 0x1000;
        const std::uint64_t directory = tables + 0x2000;
        for (const std::uint64_t address : {direct_map, channel::layout::kernel_image}) {
            put(tables + 8 * (address >> 39 & 511), directory_pointers | present_writable);
            put(directory_pointers + 8 * (address >> 30 & 511), directory | present_writable);
        }
        put(directory, large);
    }

    static constexpr std::uint64_t tables = used_bytes - 0x3000;

  private:
    void put(std::uint64_t place, std::uint64_t entry) {
        static_cast<void>(memory_.write(place, entry));
    }

    vmm::GuestMemory memory_;
};

}  // namespace nestbed::fuzz
