// A guest's file to be made to lie.
#pragma once

#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shared/channel/test_descriptor.hpp"

namespace nestbed::test {

/// References into the file stay good until it grows.
class EditedElf {
  public:
    explicit EditedElf(const std::string& path);
    void write_to(const std::string& path) const;

    std::vector<char> bytes;

    Elf64_Ehdr& header() { return at<Elf64_Ehdr>(0); }
    Elf64_Phdr& program(std::size_t number) {
        return at<Elf64_Phdr>(header().e_phoff + number * sizeof(Elf64_Phdr));
    }
    /// The n-th of those that are loaded, as the linker script has them: user text, user data,
    /// text, rodata, data; then the note.
    enum Part : std::size_t { user_text, user_data, text, rodata, data, note_header };

    Elf64_Nhdr& note_start() { return at<Elf64_Nhdr>(program(note_header).p_offset); }
    /// Not aligned as its type is: the fields are set by `set_note`.
    template <typename T>
    void set_note(std::size_t offset, T value) {
        at_unaligned(
            program(note_header).p_offset + sizeof(Elf64_Nhdr) + sizeof channel::note_name + offset,
            value);
    }
    /// The first test's.
    channel::TestDescriptor& test() {
        return at<channel::TestDescriptor>(offset_of(tests_begin()));
    }
    std::uint64_t tests_begin();
    /// Gives its suite another name, for no two tests of a run have the same: the last two letters
    /// become this number.
    void number_suite(std::size_t number);
    /// Where what is at a linear address is in the file.
    std::uint64_t offset_of(std::uint64_t linear);

    Elf64_Shdr& section(std::string_view name);

    template <typename T>
    T& at(std::uint64_t offset) {
        return *reinterpret_cast<T*>(bytes.data() + offset);
    }

  private:
    template <typename T>
    void at_unaligned(std::uint64_t offset, T value) {
        const auto* from = reinterpret_cast<const char*>(&value);
        std::copy(from, from + sizeof value, bytes.begin() + static_cast<std::ptrdiff_t>(offset));
    }
};

}  // namespace nestbed::test
