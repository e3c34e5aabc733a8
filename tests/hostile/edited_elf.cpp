#include "tests/hostile/edited_elf.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace nestbed::test {

EditedElf::EditedElf(const std::string& path) {
    std::ifstream stream(path, std::ios::binary | std::ios::ate);
    const std::streamsize size = stream.tellg();
    bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(size, 0)));
    if (!stream.seekg(0).read(bytes.data(), size)) {
        throw std::runtime_error("cannot read " + path);
    }
}

void EditedElf::write_to(const std::string& path) const {
    std::ofstream(path, std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

std::uint64_t EditedElf::tests_begin() {
    channel::GuestNote note{};
    std::memcpy(&note,
                bytes.data() + program(note_header).p_offset + sizeof(Elf64_Nhdr) +
                    sizeof channel::note_name,
                sizeof note);
    return note.tests_begin.address;
}

void EditedElf::number_suite(std::size_t number) {
    char* name = bytes.data() + offset_of(test().suite.address);
    const std::string digits = std::to_string(number + 10);
    digits.copy(name + std::strlen(name) - 2, 2);
}

std::uint64_t EditedElf::offset_of(std::uint64_t linear) {
    for (std::size_t n = 0; n < header().e_phnum; ++n) {
        const Elf64_Phdr& part = program(n);
        if (part.p_type == PT_LOAD && linear >= part.p_vaddr &&
            linear - part.p_vaddr < part.p_filesz) {
            return part.p_offset + linear - part.p_vaddr;
        }
    }
    throw std::runtime_error("that is in no segment");
}

Elf64_Shdr& EditedElf::section(std::string_view name) {
    const auto section_at = [&](std::size_t number) -> Elf64_Shdr& {
        return at<Elf64_Shdr>(header().e_shoff + number * sizeof(Elf64_Shdr));
    };
    const std::uint64_t names = section_at(header().e_shstrndx).sh_offset;
    for (std::size_t n = 0; n < header().e_shnum; ++n) {
        if (bytes.data() + names + section_at(n).sh_name == name) {
            return section_at(n);
        }
    }
    throw std::runtime_error("there is no section " + std::string(name));
}

}  // namespace nestbed::test
