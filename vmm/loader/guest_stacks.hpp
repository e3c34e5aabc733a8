// The stacks that a guest says it has, and the guards below them.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "shared/channel/runtime.hpp"

namespace nestbed::vmm {

class ElfImage;

/// "kernel stack", "stack for interrupts and exceptions of user mode" …
const char* name_of(channel::StackKind kind);

/// Of linear addresses: [begin, end).
struct AddressRange {
    std::uint64_t begin;
    std::uint64_t end;

    bool contains(std::uint64_t address) const { return address >= begin && address < end; }
};

/// One CPU's stack of one kind.
struct GuestStack {
    channel::StackKind kind;
    std::uint32_t cpu;
    AddressRange guard;
    AddressRange memory;
};

class GuestStacks {
  public:
    GuestStacks() = default;
    /// Throws Error(input) if the image says something impossible.
    explicit GuestStacks(const ElfImage& image);

    /// What is not to be mapped in a VM with so many CPUs, in order and without overlap: guards,
    /// and the stacks of CPUs that there are not.
    std::vector<AddressRange> unmapped(std::uint32_t cpus) const;

    /// Those of one CPU, a kind after the other.
    std::vector<GuestStack> of_cpu(std::uint32_t cpu) const;

    /// The stack whose guard `address` is in.
    std::optional<GuestStack> guarded_at(std::uint64_t address) const;

  private:
    std::vector<channel::Stacks> kinds_;
};

}  // namespace nestbed::vmm
