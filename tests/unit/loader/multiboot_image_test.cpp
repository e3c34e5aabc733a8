// Which files a multiboot loader starts, and what it says of the others. Files of a few hundred
// bytes, built here, of which every part can be spoiled.

#include "vmm/loader/multiboot_image.hpp"

#include <elf.h>

#include <cstring>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "tests/unit/loader/elf_builder.hpp"
#include "tests/unit/loader/rejection.hpp"
#include "vmm/base/error.hpp"
#include "vmm/memory/backing.hpp"
#include "vmm/pc/acpi_tables.hpp"
#include "vmm/pc/boot_information.hpp"

namespace nestbed::vmm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint32_t header_magic = 0x1BAD'B002;
constexpr std::uint32_t code_bytes = 64;

/// ELF of 32 or 64 bits: headers, the multiboot header, and a segment.
template <typename Header, typename ProgramHeader>
struct MultibootFile {
    static constexpr bool is_32 = std::is_same_v<Header, Elf32_Ehdr>;

    Header header{};
    std::vector<ProgramHeader> parts;
    std::uint32_t magic = header_magic;
    std::uint32_t flags = 3;
    std::uint32_t checksum_error = 0;
    std::size_t magic_at = 0x200;
    std::size_t code_at = 0x300;

    MultibootFile() {
        std::memcpy(header.e_ident, ELFMAG, SELFMAG);
        header.e_ident[EI_CLASS] = is_32 ? ELFCLASS32 : ELFCLASS64;
        header.e_ident[EI_DATA] = ELFDATA2LSB;
        header.e_ident[EI_VERSION] = EV_CURRENT;
        header.e_type = ET_EXEC;
        header.e_machine = is_32 ? EM_386 : EM_X86_64;
        header.e_version = EV_CURRENT;
        header.e_entry = 0x10'0010;
        header.e_phoff = sizeof header;
        header.e_phentsize = sizeof(ProgramHeader);
        add(0x10'0000, code_bytes, 2 * code_bytes);
    }

    ProgramHeader& add(std::uint32_t physical, std::uint32_t in_file, std::uint32_t in_memory) {
        ProgramHeader part{};
        part.p_type = PT_LOAD;
        part.p_offset = static_cast<decltype(part.p_offset)>(code_at);
        part.p_vaddr = 0xC000'0000;  // of no meaning
        part.p_paddr = physical;
        part.p_filesz = in_file;
        part.p_memsz = in_memory;
        parts.push_back(part);
        return parts.back();
    }

    std::vector<std::byte> file() const {
        std::vector<std::byte> bytes(std::max(magic_at + 12, code_at + code_bytes),
                                     std::byte{0x5A});
        Header first = header;
        if (first.e_phnum == 0) {
            first.e_phnum = static_cast<decltype(first.e_phnum)>(parts.size());
        }
        test::ElfBuilder::put(bytes, 0, first);
        for (std::size_t n = 0; n < parts.size(); ++n) {
            test::ElfBuilder::put(bytes, sizeof header + n * sizeof(ProgramHeader), parts[n]);
        }
        test::ElfBuilder::put(bytes, magic_at, magic);
        test::ElfBuilder::put(bytes, magic_at + 4, flags);
        test::ElfBuilder::put(bytes, magic_at + 8, 0U - magic - flags + checksum_error);
        return bytes;
    }
};
using File32 = MultibootFile<Elf32_Ehdr, Elf32_Phdr>;
using File64 = MultibootFile<Elf64_Ehdr, Elf64_Phdr>;

std::string refusal_of_bytes(std::span<const std::byte> bytes) {
    try {
        const MultibootImage image("some.flat", bytes);
        return "";
    } catch (const Error& error) {
        test::expect_good_manners(error, "some.flat");
        return error.what();
    }
}

template <typename File>
std::string refusal(File file, const std::function<void(File&)>& spoil) {
    spoil(file);
    return refusal_of_bytes(file.file());
}

template <typename File>
class MultibootImageTest : public testing::Test {};
using Files = testing::Types<File32, File64>;
TYPED_TEST_SUITE(MultibootImageTest, Files);

TYPED_TEST(MultibootImageTest, AGoodFile) {
    TypeParam file;
    file.add(0x20'0000, 0, 0x1000);
    file.add(0x30'0000, 0, 0).p_type = PT_LOAD;    // nothing to load
    file.add(0x30'0000, 16, 16).p_type = PT_NOTE;  // nor of that
    const std::vector<std::byte> bytes = file.file();
    const MultibootImage image("some.flat", bytes);
    EXPECT_EQ(image.entry(), 0x10'0010U);
    EXPECT_EQ(image.name(), "some.flat");
    ASSERT_EQ(image.segments().size(), 2U);
    EXPECT_EQ(image.segments()[0].address, 0x10'0000U) << "by its physical address";
    EXPECT_EQ(image.segments()[0].size, 2 * code_bytes);
    EXPECT_EQ(image.segments()[0].contents.size(), code_bytes);
    EXPECT_EQ(image.segments()[0].contents.data(), bytes.data() + file.code_at);
    EXPECT_EQ(image.segments()[1].size, 0x1000U);
    EXPECT_TRUE(image.segments()[1].contents.empty());
}

TYPED_TEST(MultibootImageTest, TheMultibootHeader) {
    const auto said = [](const std::function<void(TypeParam&)>& spoil) {
        return refusal<TypeParam>({}, spoil);
    };
    const auto none = HasSubstr("it has no multiboot header in its first 8192 bytes");
    EXPECT_THAT(said([](auto& file) { file.magic = 0x1BAD'B003; }), none);
    EXPECT_THAT(said([](auto& file) { file.checksum_error = 1; }), none);
    EXPECT_THAT(said([](auto& file) { file.magic_at = 0x202; }), none) << "not on 4 bytes";
    EXPECT_EQ(said([](auto& file) { file.magic_at = 8192 - 12; }), "");
    EXPECT_THAT(said([](auto& file) { file.magic_at = 8192 - 8; }), none);
    EXPECT_THAT(said([](auto& file) { file.magic_at = 8192; }), none);
    EXPECT_EQ(said([](auto& file) { file.flags = 0; }), "");
    EXPECT_EQ(said([](auto& file) { file.flags = 0xFFFF'0003; }), "") << "no requirements";
    EXPECT_THAT(said([](auto& file) { file.flags = 4; }),
                HasSubstr("asks for what is not given here (flags 0x4)"));
    EXPECT_THAT(said([](auto& file) { file.flags = 0x8001; }), HasSubstr("(flags 0x8000)"));
}

TYPED_TEST(MultibootImageTest, TheElfHeader) {
    const auto said = [](const std::function<void(TypeParam&)>& spoil) {
        return refusal<TypeParam>({}, spoil);
    };
    EXPECT_THAT(said([](auto& file) { file.header.e_ident[0] = 0; }),
                HasSubstr("a multiboot guest that is no ELF file"));
    const auto other_processor = HasSubstr("an ELF file for another processor");
    EXPECT_THAT(said([](auto& file) { file.header.e_machine = EM_ARM; }), other_processor);
    EXPECT_THAT(said([](auto& file) { file.header.e_machine = EM_AARCH64; }), other_processor);
    EXPECT_THAT(said([](auto& file) { file.header.e_ident[EI_DATA] = ELFDATA2MSB; }),
                other_processor);
    EXPECT_THAT(said([](auto& file) { file.header.e_type = ET_DYN; }),
                HasSubstr("not an executable"));
    EXPECT_THAT(said([](auto& file) { file.header.e_type = ET_REL; }),
                HasSubstr("not an executable"));
    EXPECT_THAT(said([](auto& file) { ++file.header.e_phentsize; }),
                HasSubstr("program headers of "));
    EXPECT_THAT(said([](auto& file) { file.header.e_phnum = 65; }),
                HasSubstr("65 program headers; 64 are possible"));
    const auto outside = HasSubstr("truncated: the program headers are outside the file");
    EXPECT_THAT(said([](auto& file) { file.header.e_phnum = 64; }), outside);
    EXPECT_THAT(said([](auto& file) { file.header.e_phoff = 0x340; }), outside);
    EXPECT_THAT(said([](auto& file) {
                    file.header.e_phoff =
                        static_cast<decltype(file.header.e_phoff)>(~std::uint64_t{0});
                }),
                outside);
    EXPECT_THAT(said([](auto& file) { file.parts.clear(); }),
                HasSubstr("its entry point 0x100010 is in none of its segments"));
}

TYPED_TEST(MultibootImageTest, Segments) {
    const auto said = [](const std::function<void(TypeParam&)>& spoil) {
        return refusal<TypeParam>({}, spoil);
    };
    const auto cut =
        HasSubstr("truncated: the segment at physical 0x100000 is not all in the file");
    EXPECT_THAT(said([](auto& file) { ++file.parts[0].p_filesz; }), cut);
    EXPECT_THAT(said([](auto& file) { ++file.parts[0].p_offset; }), cut);
    EXPECT_THAT(said([](auto& file) {
                    file.parts[0].p_offset =
                        static_cast<decltype(file.parts[0].p_offset)>(~std::uint64_t{0});
                }),
                cut);
    EXPECT_THAT(said([](auto& file) { file.parts[0].p_memsz = code_bytes - 1; }),
                HasSubstr("larger in the file than in memory"));
    const auto too_high = HasSubstr("is not below 4 GiB");
    EXPECT_THAT(said([](auto& file) { file.add(0xFFFF'F000, 0, 0x1001); }), too_high);
    EXPECT_EQ(said([](auto& file) { file.add(0xFFFF'F000, 0, 0x1000); }), "");
    const auto overlap = HasSubstr("the segments at physical 0x100000 and 0x10007f overlap");
    EXPECT_THAT(said([](auto& file) { file.add(0x10'007F, 0, 1); }), overlap);
    EXPECT_EQ(said([](auto& file) { file.add(0x10'0080, 0, 1); }), "");
    EXPECT_THAT(said([](auto& file) { file.add(0xF'FFFF, 0, 2); }),
                HasSubstr("the segments at physical 0xfffff and 0x100000 overlap"));
}

TYPED_TEST(MultibootImageTest, TheEntryPoint) {
    const auto said = [](std::uint32_t entry) {
        return refusal<TypeParam>({}, [&](auto& file) { file.header.e_entry = entry; });
    };
    EXPECT_EQ(said(0x10'0000), "");
    EXPECT_EQ(said(0x10'0000 + code_bytes - 1), "");
    for (const std::uint32_t entry :
         {0U, 0xF'FFFFU, 0x10'0000U + code_bytes, 0x10'0000U + 2 * code_bytes, 0xC000'0010U}) {
        EXPECT_THAT(said(entry), HasSubstr("is in none of its segments")) << entry;
    }
}

TEST(MultibootImage, A64BitAddressThatIsLarge) {
    EXPECT_THAT(refusal<File64>({}, [](File64& file) { file.parts[0].p_paddr = 1ULL << 32; }),
                HasSubstr("is not below 4 GiB"));
    EXPECT_THAT(refusal<File64>({}, [](File64& file) { file.parts[0].p_memsz = ~0ULL; }),
                HasSubstr("is not below 4 GiB"));
    EXPECT_THAT(refusal<File64>({}, [](File64& file) { file.header.e_entry += 1ULL << 32; }),
                HasSubstr("its entry point 0x100100010 is in none"));
}

TYPED_TEST(MultibootImageTest, AFileMayEndAnywhere) {
    TypeParam file;
    file.magic_at = 0x100;
    const std::vector<std::byte> whole = file.file();
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        // A block of its own, so that a sanitizer sees a read behind its end.
        const std::vector<std::byte> cut(whole.begin(),
                                         whole.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_EQ(refusal_of_bytes(cut).empty(), size == whole.size()) << size;
    }
    file.magic_at = 0;
    file.magic = header_magic;
    EXPECT_NE(refusal_of_bytes(file.file()), "") << "the header of multiboot over that of ELF";
}

TYPED_TEST(MultibootImageTest, RandomChanges) {
    constexpr int rounds = 20'000;
    const std::vector<std::byte> original = TypeParam().file();
    std::mt19937_64 random(1);
    int taken = 0;
    for (int round = 0; round < rounds; ++round) {
        std::vector<std::byte> file = original;
        for (std::uint64_t change = 0; change < 1 + random() % 4; ++change) {
            file[random() % 0xC0] = static_cast<std::byte>(random());
        }
        try {
            const MultibootImage image("some.flat", file);
            ++taken;
            for (const PhysicalSegment& segment : image.segments()) {
                EXPECT_LE(segment.address + segment.size, 1ULL << 32);
                EXPECT_LE(segment.contents.size(), segment.size);
                EXPECT_TRUE(segment.contents.empty() ||
                            (segment.contents.data() >= file.data() &&
                             segment.contents.data() + segment.contents.size() <=
                                 file.data() + file.size()));
            }
        } catch (const Error& error) {
            test::expect_good_manners(error, "some.flat");
        }
    }
    EXPECT_GT(taken, rounds / 100);
    EXPECT_LT(taken, rounds * 9 / 10);
}

// Into memory.

class BootInformation : public testing::Test {
  protected:
    BootInformation() : memory_(map_backing({.kind = Backing::anon}, 8 << 20)) {}

    std::uint32_t load(const File32& file, const PcSettings& settings = {}) {
        const std::vector<std::byte> bytes = file.file();
        return load_multiboot(memory_, MultibootImage("some.flat", bytes), settings);
    }

    std::string load_refused(std::uint32_t physical, std::uint32_t size) {
        File32 file;
        file.add(physical, 0, size);
        try {
            load(file);
            return "";
        } catch (const Error& error) {
            EXPECT_THAT(error.what(), testing::StartsWith("some.flat: "));
            return error.what();
        }
    }

    std::uint32_t word(std::uint64_t address) { return *memory_.read<std::uint32_t>(address); }

    GuestMemory memory_;
};

TEST_F(BootInformation, WhereTheLoaderHasItsOwn) {
    const std::uint32_t information = load(File32());
    const auto refused = HasSubstr("is where the loader has what it tells the guest");
    EXPECT_THAT(load_refused(information, 1), refused);
    EXPECT_THAT(load_refused(information - 1, 2), refused);
    EXPECT_EQ(load_refused(information - 1, 1), "");
    EXPECT_THAT(load_refused(0x1000, 0xF'0000), refused) << "all around it";
    EXPECT_THAT(load_refused(0xF'FFFF, 1), refused) << "ACPI";
    EXPECT_THAT(load_refused(0xF'0000, 1), refused) << "ACPI";
    EXPECT_EQ(load_refused(0xE'FFFF, 1), "");
}

TEST_F(BootInformation, OutsideMemory) {
    const auto refused = HasSubstr("is outside the 8 MiB of guest memory");
    EXPECT_EQ(load_refused((8 << 20) - 1, 1), "");
    EXPECT_THAT(load_refused((8 << 20) - 1, 2), refused);
    EXPECT_THAT(load_refused(8 << 20, 1), refused);
    EXPECT_THAT(load_refused(0xFFFF'F000, 0x1000), refused);
}

TEST_F(BootInformation, TheCommandLineAndTheEnvironmentHaveAnEnd) {
    const std::string name_and_blank = "some.flat ";
    const std::uint32_t information =
        load(File32(), {.command_line = std::string(4095 - name_and_blank.size(), 'x'),
                        .environment = std::string(16383, 'e')});
    const std::uint32_t line = word(information + 16);
    const std::uint32_t module = word(word(information + 24));
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(memory_.at(line, 4096))).size(), 4095U);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(memory_.at(module, 16384))).size(), 16383U);
    EXPECT_GE(module, line + 4096) << "one is not over the other";
    EXPECT_THROW(load(File32(), {.command_line = std::string(4096 - name_and_blank.size(), 'x')}),
                 Error);
    EXPECT_THROW(load(File32(), {.environment = std::string(16384, 'e')}), Error);
}

}  // namespace
}  // namespace nestbed::vmm
