// A kernel module's file with nothing in it but what is asked about: an ELF file with a .modinfo
// section.
#pragma once

#include <elf.h>

#include <array>
#include <cstring>
#include <string>
#include <string_view>

namespace nestbed::vmm::test {

/// `info`: the section's contents.
inline std::string module_file_with(std::string_view info) {
    using namespace std::string_literals;
    const std::string names = "\0.modinfo\0.shstrtab\0"s;
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_REL;
    header.e_machine = EM_X86_64;
    header.e_version = EV_CURRENT;
    header.e_ehsize = sizeof header;
    header.e_shentsize = sizeof(Elf64_Shdr);
    header.e_shnum = 3;
    header.e_shstrndx = 2;
    std::array<Elf64_Shdr, 3> sections{};
    sections[1].sh_name = 1;
    sections[1].sh_type = SHT_PROGBITS;
    sections[1].sh_offset = sizeof header;
    sections[1].sh_size = info.size();
    sections[2].sh_name = 1 + sizeof ".modinfo";
    sections[2].sh_type = SHT_STRTAB;
    sections[2].sh_offset = sections[1].sh_offset + info.size();
    sections[2].sh_size = names.size();
    header.e_shoff = (sections[2].sh_offset + names.size() + 7) / 8 * 8;

    std::string file(header.e_shoff + sizeof sections, '\0');
    std::memcpy(file.data(), &header, sizeof header);
    file.replace(sections[1].sh_offset, info.size(), info);
    file.replace(sections[2].sh_offset, names.size(), names);
    std::memcpy(file.data() + header.e_shoff, &sections, sizeof sections);
    return file;
}

/// `depends`: the names of the modules that it needs, separated by commas.
inline std::string module_file(const std::string& depends) {
    using namespace std::string_literals;
    return module_file_with("license=GPL\0depends="s + depends + "\0vermagic=6.1\0"s);
}

}  // namespace nestbed::vmm::test
