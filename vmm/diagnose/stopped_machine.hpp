// A machine that has stopped, as a diagnosis sees it: whoever made it, and whatever ran in it.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "vmm/loader/guest.hpp"
#include "vmm/machine/vcpus.hpp"
#include "vmm/memory/guest_memory.hpp"
#include "vmm/platform/machine.hpp"

namespace nestbed::vmm {

/// What a guest of ours says of itself, and where.
struct OwnGuest {
    const ElfImage& image;
    const SharedPages& shared;
};

/// All of it must outlive this.
struct StoppedMachine {
    const GuestMemory& memory;
    const Vcpus& vcpus;
    std::span<const std::byte> file;  ///< the guest's ELF file, for its symbols; may be none
    std::optional<OwnGuest> own{};    ///< nothing: a guest that is not ours
};

StoppedMachine stopped(const Machine& machine, const Guest& guest);

}  // namespace nestbed::vmm
