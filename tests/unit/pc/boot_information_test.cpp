// What a multiboot guest finds in memory when it starts.

#include "vmm/pc/boot_information.hpp"

#include <elf.h>
#include <gmock/gmock.h>

#include <array>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "tests/unit/nested/failure.hpp"
#include "tests/unit/pc/guest_bytes.hpp"
#include "vmm/pc/acpi_tables.hpp"

namespace nestbed::vmm {
namespace {

using test::bytes_at;
using test::string_at;
using test::u32_at;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint64_t information_begin = 0x9'0000;
constexpr std::uint64_t information_end = 0x9'6000;

struct Segment {
    std::uint32_t address;
    std::uint32_t size;
    std::string contents = "code";
};

/// An ELF file of 32 bits with the multiboot header.
std::string multiboot_file(const std::vector<Segment>& segments) {
    Elf32_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS32;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_type = ET_EXEC;
    header.e_machine = EM_386;
    header.e_entry = segments.front().address;
    header.e_phoff = sizeof header;
    header.e_phentsize = sizeof(Elf32_Phdr);
    header.e_phnum = static_cast<Elf32_Half>(segments.size());
    std::string file(reinterpret_cast<const char*>(&header), sizeof header);
    auto offset = static_cast<std::uint32_t>(file.size() + segments.size() * sizeof(Elf32_Phdr));
    constexpr std::array<std::uint32_t, 3> magic{0x1BAD'B002, 0, 0 - 0x1BAD'B002U};
    offset += sizeof magic;
    for (const Segment& segment : segments) {
        Elf32_Phdr part{};
        part.p_type = PT_LOAD;
        part.p_offset = offset;
        part.p_paddr = segment.address;
        part.p_filesz = static_cast<std::uint32_t>(segment.contents.size());
        part.p_memsz = segment.size;
        offset += part.p_filesz;
        file.append(reinterpret_cast<const char*>(&part), sizeof part);
    }
    file.append(reinterpret_cast<const char*>(magic.data()), sizeof magic);
    for (const Segment& segment : segments) {
        file += segment.contents;
    }
    return file;
}

struct MemoryOfMap {
    std::uint64_t begin;
    std::uint64_t end;
    std::uint32_t type;

    friend bool operator==(const MemoryOfMap&, const MemoryOfMap&) = default;
};

class BootInformationTest : public testing::Test {
  protected:
    static constexpr std::uint32_t image_at = 0x10'0000;
    static constexpr std::uint64_t hole = 3ULL << 30;

    void give_memory(std::uint64_t bytes) {
        settings_.memory = bytes;
        memory_.emplace(map_backing({.kind = Backing::anon}, bytes), hole);
    }
    void load() {
        const std::string file = multiboot_file(segments_);
        const MultibootImage image("a.flat", std::as_bytes(std::span(file)));
        at_ = load_multiboot(*memory_, image, settings_);
    }
    std::string refusal(ErrorKind kind = ErrorKind::usage) {
        return test::failure_of([&] { load(); }, kind);
    }
    std::uint32_t field(std::uint32_t offset) const { return u32_at(*memory_, at_ + offset); }
    std::uint32_t flags() const { return field(0); }
    std::vector<MemoryOfMap> memory_map() const {
        std::vector<MemoryOfMap> all;
        std::uint64_t at = field(48);
        const std::uint64_t end = at + field(44);
        while (at < end) {
            const auto begin = test::value_at<std::uint64_t>(*memory_, at + 4);
            const auto bytes = test::value_at<std::uint64_t>(*memory_, at + 12);
            all.push_back({begin, begin + bytes, u32_at(*memory_, at + 20)});
            at += u32_at(*memory_, at) + 4;
        }
        EXPECT_EQ(at, end);
        return all;
    }

    PcSettings settings_;
    std::vector<Segment> segments_{{image_at, 0x1000}};
    std::optional<GuestMemory> memory_{std::in_place, map_backing({.kind = Backing::anon}, 8 << 20),
                                       hole};
    std::uint32_t at_ = 0;
};

TEST_F(BootInformationTest, SaysWhatIsThere) {
    load();
    EXPECT_EQ(flags(), 1U | 1U << 2 | 1U << 6) << "memory, command line, memory map; no modules";
    EXPECT_EQ(field(4), 640U) << "KiB from 0 on";
    EXPECT_EQ(field(8), 7U << 10) << "KiB from 1 MiB on";
    EXPECT_EQ(field(20), 0U) << "modules";
}

TEST_F(BootInformationTest, TheImageIsInMemory) {
    segments_ = {{image_at, 0x1000, "first"}, {0x40'0000, 0x2000, ""}, {0x1000, 6, "second"}};
    load();
    EXPECT_EQ(bytes_at(*memory_, image_at, 6), std::string("first\0", 6));
    EXPECT_EQ(bytes_at(*memory_, 0x1000, 6), "second");
    EXPECT_EQ(bytes_at(*memory_, 0x40'0000, 0x2000), std::string(0x2000, '\0'));
}

TEST_F(BootInformationTest, TheAcpiTablesAreThere) {
    settings_.cpus = 3;
    load();
    EXPECT_EQ(bytes_at(*memory_, acpi::begin, 8), "RSD PTR ");
    EXPECT_EQ(bytes_at(*memory_, acpi::firmware_control, 4), "FACS");
}

TEST_F(BootInformationTest, TheCommandLineBeginsWithTheFilesName) {
    load();
    EXPECT_EQ(string_at(*memory_, field(16)), "a.flat");
    settings_.command_line = "one 'two'  three";
    load();
    EXPECT_EQ(string_at(*memory_, field(16)), "a.flat one 'two'  three");
}

TEST_F(BootInformationTest, ACommandLineHasALimit) {
    constexpr std::size_t most = 0x1000 - 1 - sizeof "a.flat";
    settings_.command_line = std::string(most, 'x');
    load();
    EXPECT_EQ(string_at(*memory_, field(16)), "a.flat " + std::string(most, 'x'));
    settings_.command_line += 'x';
    EXPECT_EQ(refusal(), "the guest's command line of 4096 bytes: at most 4095 are possible");
}

TEST_F(BootInformationTest, AZeroWouldEndACommandLine) {
    settings_.command_line = std::string("one\0two", 7);
    EXPECT_EQ(refusal(), "the guest's command line has a zero byte, where it would end");
    settings_.command_line = "";
    settings_.environment = std::string("A=1\n\0", 5);
    EXPECT_EQ(refusal(), "the guest's environment has a zero byte, where it would end");
}

TEST_F(BootInformationTest, TheEnvironmentIsAModule) {
    settings_.environment = "A=1\nB=two words\n";
    load();
    EXPECT_EQ(flags(), 1U | 1U << 2 | 1U << 3 | 1U << 6);
    EXPECT_EQ(field(20), 1U);
    const std::uint32_t module = field(24);
    const std::uint32_t begin = u32_at(*memory_, module);
    const std::uint32_t end = u32_at(*memory_, module + 4);
    EXPECT_EQ(end - begin, settings_.environment.size()) << "without the zero behind it";
    EXPECT_EQ(string_at(*memory_, begin), settings_.environment);
}

TEST_F(BootInformationTest, AnEnvironmentHasALimit) {
    settings_.command_line = std::string(0x1000 - 1 - sizeof "a.flat", 'x');
    settings_.environment = std::string(0x4000 - 1, 'E');
    load();
    EXPECT_EQ(string_at(*memory_, u32_at(*memory_, field(24))), settings_.environment);
    EXPECT_EQ(string_at(*memory_, field(16)), "a.flat " + settings_.command_line);
    EXPECT_EQ(u32_at(*memory_, information_end), 0U) << "nothing of it is further on";
    settings_.environment += 'E';
    EXPECT_EQ(refusal(), "the guest's environment of 16384 bytes: at most 16383 are possible");
}

TEST_F(BootInformationTest, TheMapHasMemoryAndTheTables) {
    load();
    EXPECT_THAT(memory_map(),
                ElementsAre(MemoryOfMap{0, 0xA'0000, 1}, MemoryOfMap{acpi::begin, 0x10'0000, 2},
                            MemoryOfMap{0x10'0000, 8 << 20, 1}));
    EXPECT_LE(field(48) + field(44), information_end);
    EXPECT_GE(field(48), information_begin);
}

TEST_F(BootInformationTest, MemoryThatEndsAtTheHoleIsInOnePiece) {
    give_memory(hole);
    load();
    EXPECT_EQ(memory_map().size(), 3U);
    EXPECT_EQ(memory_map().back(), (MemoryOfMap{0x10'0000, hole, 1}));
    EXPECT_EQ(field(8), (hole >> 10) - 1024);
}

TEST_F(BootInformationTest, WhatIsMoreIsFrom4GiBOn) {
    constexpr std::uint64_t more = 2 << 20;
    give_memory(hole + more);
    load();
    ASSERT_EQ(memory_map().size(), 4U);
    EXPECT_EQ(memory_map()[2], (MemoryOfMap{0x10'0000, hole, 1}));
    EXPECT_EQ(memory_map()[3], (MemoryOfMap{4ULL << 30, (4ULL << 30) + more, 1}));
    EXPECT_EQ(field(8), (hole >> 10) - 1024) << "up to the first hole";
}

TEST_F(BootInformationTest, ASegmentMayNotBeWhereTheInformationIs) {
    for (const auto& [first, end] :
         {std::pair(information_begin, information_end), std::pair(acpi::begin, acpi::end)}) {
        const auto begin = static_cast<std::uint32_t>(first);
        const auto behind = static_cast<std::uint32_t>(end);
        for (const Segment& over : {Segment{begin, 4}, Segment{behind - 1, 1, ""},
                                    Segment{begin - 0x10, 0x11}, Segment{begin, behind - begin}}) {
            segments_ = {{0x20'0000, 0x1000}, over};
            EXPECT_THAT(refusal(ErrorKind::input), HasSubstr("is where the loader has what"))
                << over.address;
        }
        segments_ = {{0x20'0000, 0x1000}, {begin - 0x10, 0x10}, {behind, 0x10}};
        EXPECT_EQ(refusal(), "no error") << begin;
    }
}

TEST_F(BootInformationTest, ASegmentMustFit) {
    segments_ = {{(8 << 20) - 0x1000, 0x1000}};
    EXPECT_EQ(refusal(), "no error");
    segments_ = {{(8 << 20) - 0x1000, 0x1001}};
    EXPECT_THAT(refusal(), HasSubstr("a.flat: the segment at physical 0x7ff000 (4097 bytes) is "
                                     "outside the 8 MiB of guest memory"));
    segments_ = {{image_at, 0x1000}, {0xFFFF'F000, 0x1000}};
    EXPECT_THAT(refusal(), HasSubstr("is outside the 8 MiB of guest memory"));
    give_memory(hole + (2 << 20));
    segments_ = {{image_at, 0x1000}, {0xC000'0000, 0x10}};
    EXPECT_THAT(refusal(), HasSubstr("outside")) << "the hole";
}

}  // namespace
}  // namespace nestbed::vmm
