// A guest's static ELF64 file, checked once at the edge: whoever holds an ElfImage holds segments
// that lie inside the file, on pages of their own, in the parts of the address space meant for
// them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "shared/channel/test_descriptor.hpp"
#include "vmm/base/error.hpp"
#include "vmm/loader/guest_stacks.hpp"

namespace nestbed::vmm {

struct Segment {
    std::uint64_t virtual_address;
    std::uint64_t physical_address;
    std::uint64_t memory_size;
    std::span<const std::byte> contents;  ///< the rest of `memory_size` is zero
    bool writable;
    bool executable;
    bool user;  ///< part of the user image
};

class ElfImage {
  public:
    /// Throws Error(input), naming the file and the cause. `file` must outlive the image.
    ElfImage(std::string name, std::span<const std::byte> file);

    const std::string& name() const { return name_; }
    std::span<const std::byte> file() const { return file_; }
    std::uint64_t entry() const { return entry_; }
    const std::vector<Segment>& segments() const { return segments_; }
    const channel::GuestNote& note() const { return note_; }
    const GuestStacks& stacks() const { return stacks_; }

    /// First guest physical address behind the image, 4 KiB-aligned.
    std::uint64_t physical_end() const;

    /// The contents of a segment from a virtual address on; empty if that is in none.
    std::span<const std::byte> contents_from(std::uint64_t virtual_address) const;

    /// True if [virtual_address, virtual_address + size) is memory of one writable segment.
    bool is_writable(std::uint64_t virtual_address, std::uint64_t size) const;

    /// A zero-terminated string at a virtual address: at most `limit` bytes with its end, all of
    /// them in one segment's contents.
    std::optional<std::string> string_at(std::uint64_t virtual_address,
                                         std::uint64_t limit = 4096) const;

    /// Throws Error(input) with the file's name unless what is required of it holds.
    template <typename... Arguments>
    void require(bool holds, fmt::format_string<Arguments...> otherwise,
                 Arguments&&... arguments) const {
        if (!holds) {
            throw_error(ErrorKind::input, "{}: {}", name_,
                        fmt::format(otherwise, std::forward<Arguments>(arguments)...));
        }
    }

  private:
    std::string name_;
    std::span<const std::byte> file_;
    std::uint64_t entry_ = 0;
    std::vector<Segment> segments_;
    channel::GuestNote note_{};
    GuestStacks stacks_;
};

}  // namespace nestbed::vmm
