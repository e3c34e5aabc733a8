// A guest that any multiboot loader starts (Multiboot Specification 0.6.96): an ELF file with the
// multiboot header in its first 8 KiB. It is checked once, at the edge.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace nestbed::vmm {

/// Memory that the file fills.
struct PhysicalSegment {
    std::uint64_t address;
    std::uint64_t size;
    std::span<const std::byte> contents;  ///< the rest of `size` is zero
};

class MultibootImage {
  public:
    /// Throws Error(input), naming the file and the cause. `file` must outlive the image.
    MultibootImage(std::string name, std::span<const std::byte> file);

    const std::string& name() const { return name_; }
    std::span<const std::byte> file() const { return file_; }
    /// Guest physical.
    std::uint32_t entry() const { return entry_; }
    /// All of them below 4 GiB, and none over another one.
    const std::vector<PhysicalSegment>& segments() const { return segments_; }

  private:
    template <typename Header, typename ProgramHeader>
    void read_segments();

    std::string name_;
    std::span<const std::byte> file_;
    std::uint32_t entry_ = 0;
    std::vector<PhysicalSegment> segments_;
};

/// Whether the file has a multiboot header, whatever else it is.
bool has_multiboot_header(std::span<const std::byte> file);

}  // namespace nestbed::vmm
