// The host memory behind guest memory, and which pages it is made of.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <utility>

#include "shared/study/values.hpp"
#include "vmm/base/descriptor.hpp"

namespace nestbed {

namespace vmm {
/// Which host pages back the guest: what a second-stage (or shadow) leaf can be made of.
enum class Backing { anon, thp, memfd, hugetlb_2m, hugetlb_1g };
}  // namespace vmm

template <>
inline constexpr std::array study::values_of<vmm::Backing>{
    study::Value{vmm::Backing::anon, "anon", "anonymous 4 KiB pages"},
    study::Value{vmm::Backing::thp, "thp", "anonymous memory, transparent huge pages"},
    study::Value{vmm::Backing::memfd, "memfd", "4 KiB pages of a memory file"},
    study::Value{vmm::Backing::hugetlb_2m, "hugetlb-2m", "2 MiB pages of hugetlbfs"},
    study::Value{vmm::Backing::hugetlb_1g, "hugetlb-1g", "1 GiB pages of hugetlbfs"},
};

}  // namespace nestbed

namespace nestbed::vmm {

/// Bytes of a page that such memory comes in; it is mapped in whole ones. Of `thp` that is 4 KiB.
std::uint64_t page_bytes(Backing backing);

/// Bytes that one first touch may bring in: a page, or a transparent huge one.
std::uint64_t block_bytes(Backing backing);

/// Bytes of the largest leaf that could map such memory; 2 MiB at least, so that kinds that differ
/// in their pages do not differ in their addresses.
std::uint64_t alignment_of(Backing backing);

/// The lowest address from `from` on that lies where `guest_physical` lies in its piece of
/// `alignment` bytes (a power of two). KVM maps guest memory with a leaf only where both addresses
/// lie at the same place in it (arch/x86/kvm/x86.c, kvm_alloc_memslot_metadata).
constexpr std::uint64_t congruent_address(std::uint64_t from, std::uint64_t guest_physical,
                                          std::uint64_t alignment) {
    return from + ((guest_physical - from) & (alignment - 1));
}

struct BackingSettings {
    Backing kind = Backing::anon;
    /// The host has all pages in place before the guest runs; else each comes with its first touch.
    bool prefault = false;
};

/// Host memory for a guest: readable, writable, zeroed. On both sides lie pages that nobody may
/// touch, so that it is mappings of its own in /proc/self/smaps.
class HostMemory {
  public:
    /// Takes over `size` bytes at `address`, inside `reservation`.
    HostMemory(Mapping reservation, void* address, std::uint64_t size, Descriptor file,
               const BackingSettings& backing)
        : reservation_(std::move(reservation)),
          address_(address),
          size_(size),
          file_(std::move(file)),
          backing_(backing) {}

    void* address() const { return address_; }
    std::uint64_t size() const { return size_; }
    const BackingSettings& backing() const { return backing_; }
    /// The memory file behind it, from its byte 0 on; -1 of `anon` and `thp`.
    int file() const { return file_.get(); }

  private:
    Mapping reservation_;
    void* address_;
    std::uint64_t size_;
    Descriptor file_;
    BackingSettings backing_;
};

/// Throws Error, with the remedy, if the host has not got huge pages for pieces of these sizes
/// together. Whether there are still enough a moment later, map_backing() finds out.
void refuse_too_few_huge_pages(Backing backing, std::initializer_list<std::uint64_t> sizes);

/// Maps `size` bytes, rounded up to whole pages of that backing, at a host address from which
/// leaves of `alignment_of` can stand at `guest_physical` (a multiple of page_bytes). Huge pages
/// are reserved now: a lack of them is an error here, never a SIGBUS later. Throws Error, with the
/// remedy, if the host has not got what is asked for; nothing else is taken instead.
HostMemory map_backing(const BackingSettings& settings, std::uint64_t size,
                       std::uint64_t guest_physical = 0);

}  // namespace nestbed::vmm
