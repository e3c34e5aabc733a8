#include "vmm/loader/elf_image.hpp"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "shared/channel/abi.hpp"
#include "shared/channel/layout.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::uint64_t page_size = 4096;
/// The linker script makes six. A limit, since the work to come grows with their number.
constexpr std::uint64_t max_program_headers = 64;

constexpr std::uint64_t page_end(std::uint64_t address) {
    return (address + page_size - 1) & ~(page_size - 1);
}

/// True if [start, start + size) lies in [0, limit), without overflow.
constexpr bool fits(std::uint64_t start, std::uint64_t size, std::uint64_t limit) {
    return start <= limit && size <= limit - start;
}

template <typename T>
T read(const ElfImage& image, std::uint64_t offset, const char* what) {
    image.require(fits(offset, sizeof(T), image.file().size()),
                  "truncated: the file ends before {}", what);
    T result{};
    std::memcpy(&result, image.file().data() + offset, sizeof result);
    return result;
}

Elf64_Ehdr checked_header(const ElfImage& image) {
    const auto file = image.file();
    image.require(file.size() >= EI_NIDENT && std::memcmp(file.data(), ELFMAG, SELFMAG) == 0,
                  "not an ELF file");
    const int file_class = std::to_integer<int>(file[EI_CLASS]);
    image.require(file_class == ELFCLASS64, "{} ELF file; guests are x86-64",
                  file_class == ELFCLASS32 ? "a 32-bit" : "not a 64-bit");
    const auto header = read<Elf64_Ehdr>(image, 0, "the ELF header");
    image.require(header.e_ident[EI_DATA] == ELFDATA2LSB && header.e_machine == EM_X86_64,
                  "an ELF file for another processor; guests are x86-64");
    image.require(header.e_type != ET_DYN,
                  "a dynamic or position-independent ELF file; link with -static -no-pie");
    image.require(header.e_type == ET_EXEC, "not an executable ELF file");
    image.require(header.e_phnum != 0, "no program headers");
    image.require(header.e_phentsize == sizeof(Elf64_Phdr),
                  "program headers of {} bytes instead of {}", +header.e_phentsize,
                  sizeof(Elf64_Phdr));
    image.require(header.e_phnum <= max_program_headers,
                  "{} program headers; {} are possible: link with guest/boot/guest.ld",
                  +header.e_phnum, max_program_headers);
    image.require(header.e_phoff <= file.size(),
                  "truncated: the program headers are outside the file");
    return header;
}

Segment checked_segment(const ElfImage& image, const Elf64_Phdr& header) {
    namespace layout = channel::layout;
    image.require(fits(header.p_offset, header.p_filesz, image.file().size()),
                  "truncated: the segment at {:#x} is not all in the file", header.p_vaddr);
    image.require(header.p_memsz >= header.p_filesz,
                  "the segment at {:#x} is larger in the file than in memory", header.p_vaddr);
    image.require(header.p_vaddr % page_size == 0 && header.p_paddr % page_size == 0,
                  "the segment at {:#x} (physical {:#x}) does not start on a page", header.p_vaddr,
                  header.p_paddr);
    const auto is_in = [&](std::uint64_t part) {
        return header.p_vaddr >= part &&
               fits(header.p_vaddr - part, header.p_memsz, layout::image_limit);
    };
    const bool user = is_in(layout::user_image);
    image.require(user || is_in(layout::kernel_image),
                  "the segment at {:#x} is neither in the kernel image (from {:#x}) nor in the "
                  "user image (from {:#x}): link with guest/boot/guest.ld",
                  header.p_vaddr, layout::kernel_image, layout::user_image);
    constexpr std::uint64_t physical_limit = layout::image_physical + layout::image_limit;
    image.require(header.p_paddr >= layout::image_physical &&
                      fits(header.p_paddr, header.p_memsz, physical_limit),
                  "the segment at {:#x} is to be loaded at physical {:#x}, outside [{:#x}, {:#x})",
                  header.p_vaddr, header.p_paddr, layout::image_physical, physical_limit);
    return {header.p_vaddr,
            header.p_paddr,
            header.p_memsz,
            image.file().subspan(header.p_offset, header.p_filesz),
            (header.p_flags & PF_W) != 0,
            (header.p_flags & PF_X) != 0,
            user};
}

void check_overlap(const ElfImage& image) {
    const auto overlap = [](const Segment& a, const Segment& b, auto address) {
        return a.*address < page_end(b.*address + b.memory_size) &&
               b.*address < page_end(a.*address + a.memory_size);
    };
    for (auto a = image.segments().begin(); a != image.segments().end(); ++a) {
        for (auto b = a + 1; b != image.segments().end(); ++b) {
            image.require(!overlap(*a, *b, &Segment::virtual_address) &&
                              !overlap(*a, *b, &Segment::physical_address),
                          "the segments at {:#x} and {:#x} overlap", a->virtual_address,
                          b->virtual_address);
        }
    }
}

channel::GuestNote checked_note(const ElfImage& image, std::span<const std::byte> descriptor) {
    channel::GuestNote note{};
    std::memcpy(&note, descriptor.data(), std::min(descriptor.size(), sizeof note));
    // The version first: another one may have another note.
    image.require(
        note.abi_version == channel::abi_version,
        "built for ABI version {}, and this nestbed speaks version {}: rebuild the guest with "
        "this nestbed's package",
        note.abi_version, channel::abi_version);
    image.require(descriptor.size() >= sizeof note, "its nestbed note has {} bytes instead of {}",
                  descriptor.size(), sizeof note);
    image.require(note.descriptor_size == sizeof(channel::TestDescriptor),
                  "its test descriptors have {} bytes instead of {}", note.descriptor_size,
                  sizeof(channel::TestDescriptor));
    return note;
}

/// The descriptor of nestbed's note, if it is among those of this header.
std::optional<channel::GuestNote> guest_note(const ElfImage& image, const Elf64_Phdr& header) {
    image.require(fits(header.p_offset, header.p_filesz, image.file().size()),
                  "truncated: a note is not all in the file");
    const auto padded = [](std::uint64_t size) { return (size + 3) / 4 * 4; };
    auto notes = image.file().subspan(header.p_offset, header.p_filesz);
    while (notes.size() >= sizeof(Elf64_Nhdr)) {
        Elf64_Nhdr note{};
        std::memcpy(&note, notes.data(), sizeof note);
        const std::uint64_t descriptor_at = sizeof note + padded(note.n_namesz);
        if (!fits(descriptor_at, note.n_descsz, notes.size())) {
            break;
        }
        if (note.n_type == channel::note_type && note.n_namesz == sizeof channel::note_name &&
            std::memcmp(notes.data() + sizeof note, channel::note_name, note.n_namesz) == 0) {
            return checked_note(image, notes.subspan(descriptor_at, note.n_descsz));
        }
        notes = notes.subspan(
            std::min<std::uint64_t>(descriptor_at + padded(note.n_descsz), notes.size()));
    }
    return std::nullopt;
}

void check_marks(const ElfImage& image) {
    constexpr std::uint64_t farthest = 1U << 20;
    const channel::GuestRuntime& runtime = image.note().runtime;
    const std::uint64_t stride = runtime.mark_stride;
    const bool is_possible =
        stride >= sizeof(channel::CpuMarks) && stride < farthest &&
        image.is_writable(runtime.marks.address,
                          (channel::max_cpus - 1) * stride + sizeof(channel::CpuMarks));
    image.require(!runtime.marks || is_possible,
                  "the memory at {:#x} that says what its CPUs are at, every {} bytes, has an "
                  "impossible place or size: rebuild the guest with this nestbed's package",
                  runtime.marks.address, stride);
}

}  // namespace

ElfImage::ElfImage(std::string name, std::span<const std::byte> file)
    : name_(std::move(name)), file_(file) {
    const Elf64_Ehdr header = checked_header(*this);
    std::optional<channel::GuestNote> note;
    for (std::uint64_t i = 0; i < header.e_phnum; ++i) {
        const auto part =
            read<Elf64_Phdr>(*this, header.e_phoff + i * sizeof(Elf64_Phdr), "the program headers");
        require(part.p_type != PT_INTERP && part.p_type != PT_DYNAMIC,
                "a dynamic ELF file; link with -static");
        const bool is_empty = part.p_memsz == 0 && part.p_filesz == 0;
        if (part.p_type == PT_LOAD && !is_empty) {
            segments_.push_back(checked_segment(*this, part));
        } else if (part.p_type == PT_NOTE && !note) {
            note = guest_note(*this, part);
        }
    }
    check_overlap(*this);
    require(note.has_value(),
            "not a nestbed guest: it has no nestbed note (see nestbed_add_guest)");
    note_ = *note;
    check_marks(*this);
    stacks_ = GuestStacks(*this);
    entry_ = header.e_entry;
    const bool entry_is_code = std::ranges::any_of(segments_, [&](const Segment& segment) {
        return segment.executable && !segment.user && entry_ >= segment.virtual_address &&
               entry_ - segment.virtual_address < segment.memory_size;
    });
    require(entry_is_code, "its entry point {:#x} is not in an executable kernel segment", entry_);
}

std::uint64_t ElfImage::physical_end() const {
    std::uint64_t end = 0;
    for (const Segment& segment : segments_) {
        end = std::max(end, page_end(segment.physical_address + segment.memory_size));
    }
    return end;
}

std::span<const std::byte> ElfImage::contents_from(std::uint64_t virtual_address) const {
    for (const Segment& segment : segments_) {
        if (virtual_address >= segment.virtual_address &&
            virtual_address - segment.virtual_address < segment.contents.size()) {
            return segment.contents.subspan(virtual_address - segment.virtual_address);
        }
    }
    return {};
}

bool ElfImage::is_writable(std::uint64_t virtual_address, std::uint64_t size) const {
    return std::ranges::any_of(segments_, [&](const Segment& segment) {
        return segment.writable && virtual_address >= segment.virtual_address &&
               fits(virtual_address - segment.virtual_address, size, segment.memory_size);
    });
}

std::optional<std::string> ElfImage::string_at(std::uint64_t virtual_address,
                                               std::uint64_t limit) const {
    const auto rest = contents_from(virtual_address);
    const std::string_view text(reinterpret_cast<const char*>(rest.data()),
                                std::min<std::uint64_t>(limit, rest.size()));
    const std::size_t end = text.find('\0');
    return end == text.npos ? std::nullopt : std::optional<std::string>(text.substr(0, end));
}

}  // namespace nestbed::vmm
