// A built-in guest in memory under its boot page tables, as a VM would start with it, but without
// KVM.
#pragma once

#include <algorithm>
#include <string_view>

#include "shared/arch/control.hpp"
#include "vmm/diagnose/stopped_cpu.hpp"
#include "vmm/diagnose/symbols.hpp"
#include "vmm/loader/elf_image.hpp"
#include "vmm/loader/guest.hpp"
#include "vmm/memory/backing.hpp"
#include "vmm/platform/guest_layout.hpp"

namespace nestbed::vmm::test {

inline std::span<const std::byte> builtin_guest(std::string_view name) {
    const auto guest = std::ranges::find(builtin_guests(), name, &BuiltinGuest::name);
    return guest == builtin_guests().end() ? std::span<const std::byte>() : guest->file;
}

/// The function of that name in [from, to).
inline std::optional<Symbol> find_function(const Symbols& symbols, std::string_view name,
                                           std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t address = from; address < to;) {
        const auto symbol = symbols.function_at(address);
        if (symbol && symbol->name == name) {
            return symbol;
        }
        address = symbol ? symbol->end : address + 1;
    }
    return std::nullopt;
}

class LoadedGuest {
  public:
    explicit LoadedGuest(std::string_view name)
        : image_(std::string(name), builtin_guest(name)),
          memory_(map_backing({.kind = Backing::anon}, 32 << 20)),
          frames_(memory_, image_.physical_end()),
          root_(build_boot_tables(memory_, frames_, image_, 1)) {
        for (const Segment& segment : image_.segments()) {
            std::ranges::copy(segment.contents,
                              memory_.at(segment.physical_address, segment.memory_size));
        }
    }

    const ElfImage& image() const { return image_; }
    GuestMemory& memory() { return memory_; }
    VirtualMemory virtual_memory() const { return {memory_, root_}; }
    /// A page of zeroes: its guest physical address.
    std::uint64_t new_page() { return frames_.allocate(4096); }

    /// Of a vCPU in 64-bit kernel mode that uses the boot tables.
    CpuState cpu_state() const {
        CpuState state{};
        state.special.cr0 = arch::cr0::pe | arch::cr0::pg | arch::cr0::wp;
        state.special.cr3 = root_.address().raw();
        state.special.cr4 = arch::cr4::pae;
        state.special.efer = arch::efer::lme | arch::efer::lma | arch::efer::nxe;
        state.special.cs.selector = 0x10;
        state.special.cs.l = 1;
        return state;
    }

  private:
    ElfImage image_;
    GuestMemory memory_;
    FrameCursor frames_;
    paging::Frame4k root_;
};

}  // namespace nestbed::vmm::test
