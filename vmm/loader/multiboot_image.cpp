#include "vmm/loader/multiboot_image.hpp"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "vmm/base/error.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::uint64_t most_program_headers = 64;
constexpr std::uint64_t address_limit = 1ULL << 32;

/// 3.1.1, "The layout of Multiboot header".
struct MultibootHeader {
    std::uint32_t magic;
    std::uint32_t flags;
    std::uint32_t checksum;
};
constexpr std::uint32_t header_magic = 0x1BAD'B002;
constexpr std::size_t header_limit = 8192;
/// Of flags a loader must refuse those that it does not know (3.1.2); of these, bit 0 asks for
/// modules on pages, and bit 1 for the size of memory.
constexpr std::uint32_t requirements = 0xFFFF;
constexpr std::uint32_t known_requirements = 0b11;

template <typename... Arguments>
void require(const std::string& name, bool holds, fmt::format_string<Arguments...> otherwise,
             Arguments&&... arguments) {
    if (!holds) {
        throw_error(ErrorKind::input, "{}: {}", name,
                    fmt::format(otherwise, std::forward<Arguments>(arguments)...));
    }
}

template <typename T>
bool is_in(std::span<const std::byte> file, std::uint64_t offset) {
    return offset <= file.size() && sizeof(T) <= file.size() - offset;
}

/// Of what is_in() it.
template <typename T>
T read(std::span<const std::byte> file, std::uint64_t offset) {
    T value{};
    std::memcpy(&value, file.data() + offset, sizeof value);
    return value;
}

std::optional<MultibootHeader> find_header(std::span<const std::byte> file) {
    const auto searched = file.first(std::min(file.size(), header_limit));
    for (std::size_t at = 0; is_in<MultibootHeader>(searched, at); at += 4) {
        const auto header = read<MultibootHeader>(searched, at);
        if (header.magic == header_magic && header.magic + header.flags + header.checksum == 0) {
            return header;
        }
    }
    return std::nullopt;
}

void check_overlap(const std::string& name, std::vector<PhysicalSegment> segments) {
    std::ranges::sort(segments, {}, &PhysicalSegment::address);
    for (std::size_t n = 1; n < segments.size(); ++n) {
        require(name, segments[n - 1].address + segments[n - 1].size <= segments[n].address,
                "the segments at physical {:#x} and {:#x} overlap", segments[n - 1].address,
                segments[n].address);
    }
}

}  // namespace

bool has_multiboot_header(std::span<const std::byte> file) { return find_header(file).has_value(); }

MultibootImage::MultibootImage(std::string name, std::span<const std::byte> file)
    : name_(std::move(name)), file_(file) {
    const auto header = find_header(file_);
    require(name_, header.has_value(), "it has no multiboot header in its first {} bytes",
            header_limit);
    const std::uint32_t unknown = header->flags & requirements & ~known_requirements;
    require(name_, unknown == 0,
            "its multiboot header asks for what is not given here (flags {:#x})", unknown);
    require(name_, file_.size() > EI_NIDENT && std::memcmp(file_.data(), ELFMAG, SELFMAG) == 0,
            "a multiboot guest that is no ELF file; link it as one");
    if (std::to_integer<int>(file_[EI_CLASS]) == ELFCLASS64) {
        read_segments<Elf64_Ehdr, Elf64_Phdr>();
    } else {
        read_segments<Elf32_Ehdr, Elf32_Phdr>();
    }
}

template <typename Header, typename ProgramHeader>
void MultibootImage::read_segments() {
    require(name_, is_in<Header>(file_, 0), "truncated: the file ends before the ELF header");
    const auto header = read<Header>(file_, 0);
    require(name_,
            header.e_ident[EI_DATA] == ELFDATA2LSB &&
                (header.e_machine == EM_386 || header.e_machine == EM_X86_64),
            "an ELF file for another processor; guests are x86");
    require(name_, header.e_type == ET_EXEC, "not an executable ELF file");
    require(name_, header.e_phentsize == sizeof(ProgramHeader),
            "program headers of {} bytes instead of {}", +header.e_phentsize,
            sizeof(ProgramHeader));
    require(name_, header.e_phnum <= most_program_headers, "{} program headers; {} are possible",
            +header.e_phnum, most_program_headers);
    for (std::uint64_t n = 0; n < header.e_phnum; ++n) {
        const std::uint64_t offset = header.e_phoff + n * sizeof(ProgramHeader);
        require(name_, header.e_phoff <= file_.size() && is_in<ProgramHeader>(file_, offset),
                "truncated: the program headers are outside the file");
        const auto part = read<ProgramHeader>(file_, offset);
        if (part.p_type != PT_LOAD || part.p_memsz == 0) {
            continue;
        }
        require(name_,
                part.p_offset <= file_.size() && part.p_filesz <= file_.size() - part.p_offset,
                "truncated: the segment at physical {:#x} is not all in the file", +part.p_paddr);
        require(name_, part.p_filesz <= part.p_memsz,
                "the segment at physical {:#x} is larger in the file than in memory",
                +part.p_paddr);
        require(name_, part.p_paddr < address_limit && part.p_memsz <= address_limit - part.p_paddr,
                "the segment at physical {:#x} is not below 4 GiB", +part.p_paddr);
        segments_.push_back(
            {part.p_paddr, part.p_memsz, file_.subspan(part.p_offset, part.p_filesz)});
    }
    check_overlap(name_, segments_);
    const bool is_loaded = std::ranges::any_of(segments_, [&](const PhysicalSegment& segment) {
        return header.e_entry >= segment.address &&
               header.e_entry - segment.address < segment.contents.size();
    });
    require(name_, is_loaded, "its entry point {:#x} is in none of its segments", +header.e_entry);
    entry_ = static_cast<std::uint32_t>(header.e_entry);
}

}  // namespace nestbed::vmm
