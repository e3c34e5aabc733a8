// A small guest ELF file, built in memory: valid as it is, and every part of it can be spoiled
// before (or after) it becomes bytes.
#pragma once

#include <elf.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "shared/channel/abi.hpp"
#include "shared/channel/layout.hpp"
#include "shared/channel/test_descriptor.hpp"

namespace nestbed::vmm::test {

inline constexpr std::uint64_t page_size = 4096;

/// In the file: the headers, a page of kernel text and constants, a page of user text, and a page
/// of kernel data of which only half is in the file.
struct ElfBuilder {
    static constexpr std::uint64_t kernel = channel::layout::kernel_image;
    static constexpr std::uint64_t user = channel::layout::user_image;
    static constexpr std::uint64_t physical = channel::layout::image_physical;
    // Offsets in the first segment.
    static constexpr std::uint64_t note_at = 0x100;
    static constexpr std::uint64_t strings_at = 0x200;
    static constexpr std::uint64_t tests_at = 0x300;
    static constexpr std::uint64_t stacks_at = 0xF00;

    Elf64_Ehdr header{};
    Elf64_Phdr text{};
    Elf64_Phdr data{};
    Elf64_Phdr user_text{};
    Elf64_Phdr note_header{};
    std::vector<Elf64_Phdr> more_headers;
    Elf64_Nhdr note_start{sizeof channel::note_name, sizeof(channel::GuestNote),
                          channel::note_type};
    channel::GuestNote note{};
    std::vector<channel::TestDescriptor> tests;
    std::vector<channel::Stacks> stacks;
    std::vector<std::string_view> strings{"suite", "test", "some/file.cpp"};

    ElfBuilder() {
        std::memcpy(header.e_ident, ELFMAG, SELFMAG);
        header.e_ident[EI_CLASS] = ELFCLASS64;
        header.e_ident[EI_DATA] = ELFDATA2LSB;
        header.e_ident[EI_VERSION] = EV_CURRENT;
        header.e_type = ET_EXEC;
        header.e_machine = EM_X86_64;
        header.e_version = EV_CURRENT;
        header.e_entry = kernel;
        header.e_phoff = sizeof header;
        header.e_ehsize = sizeof header;
        header.e_phentsize = sizeof(Elf64_Phdr);
        header.e_phnum = 4;
        text = load(1, kernel, physical, PF_R | PF_X);
        user_text = load(2, user, physical + 2 * page_size, PF_R | PF_X);
        data = load(3, kernel + page_size, physical + page_size, PF_R | PF_W);
        data.p_filesz /= 2;
        note_header = {PT_NOTE,
                       PF_R,
                       text.p_offset + note_at,
                       kernel + note_at,
                       physical + note_at,
                       sizeof note_start + sizeof channel::note_name + sizeof note,
                       sizeof note_start + sizeof channel::note_name + sizeof note,
                       4};
        add_test();
    }

    /// Another test: a copy of the first.
    void add_test() {
        if (tests.empty()) {
            channel::TestDescriptor descriptor{};
            descriptor.suite = {string_address(0)};
            descriptor.name = {string_address(1)};
            descriptor.file = {string_address(2)};
            descriptor.line = 7;
            tests.push_back(descriptor);
        } else {
            tests.push_back(tests.front());
        }
        note = {channel::abi_version,
                sizeof(channel::TestDescriptor),
                {kernel + tests_at},
                {kernel + tests_at + tests.size() * sizeof(channel::TestDescriptor)},
                {}};
    }

    /// In the data, which has room for them.
    void add_stacks(const channel::Stacks& more) {
        data.p_paddr = physical + 3 * page_size;
        data.p_memsz = 1024 * page_size;
        stacks.push_back(more);
        note.runtime = {{kernel + stacks_at}, stacks.size(), {}, 0};
    }

    std::uint64_t string_address(std::size_t index) const {
        std::uint64_t address = kernel + strings_at;
        for (std::size_t i = 0; i < index; ++i) {
            address += strings[i].size() + 1;
        }
        return address;
    }

    /// A page of the file as a segment of a page.
    static Elf64_Phdr load(std::uint64_t page, std::uint64_t address,
                           std::uint64_t physical_address, std::uint32_t flags) {
        return {PT_LOAD,          flags,     page * page_size, address,
                physical_address, page_size, page_size,        page_size};
    }

    std::vector<std::byte> file() const {
        std::vector<std::byte> bytes(3 * page_size + page_size / 2);
        put(bytes, 0, header);
        std::uint64_t at = sizeof header;
        for (const Elf64_Phdr& program_header : {text, data, user_text, note_header}) {
            put(bytes, at, program_header);
            at += sizeof program_header;
        }
        for (const Elf64_Phdr& program_header : more_headers) {
            put(bytes, at, program_header);
            at += sizeof program_header;
        }
        put(bytes, page_size + note_at, note_start);
        put(bytes, page_size + note_at + sizeof note_start, channel::note_name);
        put(bytes, page_size + note_at + sizeof note_start + sizeof channel::note_name, note);
        at = page_size + strings_at;
        for (const std::string_view text_of_string : strings) {
            std::ranges::copy(std::as_bytes(std::span(text_of_string)),
                              bytes.begin() + static_cast<std::ptrdiff_t>(at));
            at += text_of_string.size() + 1;
        }
        at = page_size + tests_at;
        for (const channel::TestDescriptor& descriptor : tests) {
            put(bytes, at, descriptor);
            at += sizeof descriptor;
        }
        at = page_size + stacks_at;
        for (const channel::Stacks& of_a_kind : stacks) {
            put(bytes, at, of_a_kind);
            at += sizeof of_a_kind;
        }
        return bytes;
    }

    template <typename T>
    static void put(std::vector<std::byte>& bytes, std::uint64_t at, const T& value) {
        std::memcpy(bytes.data() + at, &value, sizeof value);
    }
};

}  // namespace nestbed::vmm::test
