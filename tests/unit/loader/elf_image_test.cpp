// Good and bad guest files, one flaw at a time: each flaw is refused with a line that names it.

#include "vmm/loader/elf_image.hpp"

#include <functional>
#include <string>

#include "tests/unit/loader/elf_builder.hpp"
#include "tests/unit/loader/rejection.hpp"

namespace nestbed::vmm {
namespace {

using test::ElfBuilder;
using test::page_size;
using testing::HasSubstr;

namespace layout = channel::layout;

constexpr std::uint64_t past_all = ~std::uint64_t{0};

TEST(ElfImage, AGoodFileIsTakenApart) {
    const std::vector<std::byte> file = ElfBuilder().file();
    const ElfImage image("good.elf", file);
    EXPECT_EQ(image.entry(), layout::kernel_image);
    ASSERT_EQ(image.segments().size(), 3U);
    const Segment& text = image.segments()[0];
    EXPECT_EQ(text.virtual_address, layout::kernel_image);
    EXPECT_EQ(text.physical_address, layout::image_physical);
    EXPECT_EQ(text.contents.size(), page_size);
    EXPECT_TRUE(text.executable && !text.writable && !text.user);
    const Segment& data = image.segments()[1];
    EXPECT_EQ(data.contents.size(), page_size / 2);
    EXPECT_EQ(data.memory_size, page_size);
    EXPECT_TRUE(data.writable && !data.executable && !data.user);
    EXPECT_TRUE(image.segments()[2].user);
    EXPECT_EQ(image.physical_end(), layout::image_physical + 3 * page_size);
}

TEST(ElfImage, AnEmptySegmentDoesNotCount) {
    ElfBuilder builder;
    builder.more_headers.push_back({PT_LOAD, PF_R, 0, 12345, 12345, 0, 0, 0});
    builder.header.e_phnum = 5;
    const std::vector<std::byte> file = builder.file();
    EXPECT_EQ(ElfImage("good.elf", file).segments().size(), 3U);
}

TEST(ElfImage, OtherNotesAreSteppedOver) {
    ElfBuilder builder;
    std::vector<std::byte> file = builder.file();
    // A note of another owner, padded to 4 bytes, in front of ours.
    const Elf64_Nhdr other{3, 5, channel::note_type};
    const std::uint64_t size = sizeof other + 4 + 8;
    ElfBuilder::put(file, page_size + ElfBuilder::note_at - size, other);
    builder.note_header.p_offset -= size;
    builder.note_header.p_filesz += size;
    ElfBuilder::put(file, sizeof(Elf64_Ehdr) + 3 * sizeof(Elf64_Phdr), builder.note_header);
    EXPECT_EQ(test::rejection(file), "");
}

TEST(ElfImage, BytesAreFoundByTheirAddress) {
    const std::vector<std::byte> file = ElfBuilder().file();
    const ElfImage image("good.elf", file);
    const std::uint64_t data = layout::kernel_image + page_size;
    const auto size_from = [&](std::uint64_t address) {
        return image.contents_from(address).size();
    };
    EXPECT_EQ(size_from(layout::kernel_image), page_size);
    EXPECT_EQ(size_from(layout::kernel_image + 1), page_size - 1);
    EXPECT_EQ(size_from(data + page_size / 2 - 1), 1U);
    EXPECT_EQ(size_from(data + page_size / 2), 0U) << "not in the file: zeroes";
    EXPECT_EQ(size_from(past_all), 0U);
    EXPECT_EQ(size_from(0), 0U);
}

TEST(ElfImage, AStringEndsInItsSegmentAndWithinItsLimit) {
    const std::vector<std::byte> file = ElfBuilder().file();
    const ElfImage image("good.elf", file);
    const std::uint64_t suite = ElfBuilder().string_address(0);
    EXPECT_EQ(image.string_at(suite), "suite");
    EXPECT_EQ(image.string_at(suite, 6), "suite");
    EXPECT_EQ(image.string_at(suite, 5), std::nullopt);
    EXPECT_EQ(image.string_at(suite, 0), std::nullopt);
    EXPECT_EQ(image.string_at(0), std::nullopt);
    EXPECT_EQ(image.string_at(past_all), std::nullopt);

    std::vector<std::byte> no_end = file;
    std::ranges::fill(std::span(no_end).subspan(2 * page_size - 8, 8), std::byte{'x'});
    EXPECT_EQ(ElfImage("good.elf", no_end).string_at(layout::kernel_image + page_size - 8),
              std::nullopt);
}

struct Flaw {
    const char* name;
    std::function<void(ElfBuilder&)> spoil;
    const char* message;
};

void PrintTo(const Flaw& flaw, std::ostream* out) { *out << flaw.name; }

class FlawedElf : public testing::TestWithParam<Flaw> {};

TEST_P(FlawedElf, IsRefusedForItsFlaw) {
    ElfBuilder builder;
    GetParam().spoil(builder);
    const std::string message = test::rejection(builder.file());
    EXPECT_NE(message, "") << "it was taken";
    EXPECT_THAT(message, HasSubstr(GetParam().message));
}

std::string name_of(const testing::TestParamInfo<Flaw>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(
    Header, FlawedElf,
    testing::Values(
        Flaw{"NoMagic", [](ElfBuilder& b) { b.header.e_ident[0] = 0; }, "not an ELF file"},
        Flaw{"Class32", [](ElfBuilder& b) { b.header.e_ident[EI_CLASS] = ELFCLASS32; }, "32-bit"},
        Flaw{"NoClass", [](ElfBuilder& b) { b.header.e_ident[EI_CLASS] = 7; }, "not a 64-bit"},
        Flaw{"BigEndian", [](ElfBuilder& b) { b.header.e_ident[EI_DATA] = ELFDATA2MSB; },
             "another processor"},
        Flaw{"OtherMachine", [](ElfBuilder& b) { b.header.e_machine = EM_AARCH64; },
             "another processor"},
        Flaw{"PositionIndependent", [](ElfBuilder& b) { b.header.e_type = ET_DYN; },
             "position-independent"},
        Flaw{"ObjectFile", [](ElfBuilder& b) { b.header.e_type = ET_REL; }, "not an executable"},
        Flaw{"CoreFile", [](ElfBuilder& b) { b.header.e_type = ET_CORE; }, "not an executable"},
        Flaw{"NoProgramHeaders", [](ElfBuilder& b) { b.header.e_phnum = 0; }, "no program headers"},
        Flaw{"ProgramHeaderSize", [](ElfBuilder& b) { b.header.e_phentsize = 32; },
             "program headers of 32 bytes"},
        Flaw{"TooManyProgramHeaders", [](ElfBuilder& b) { b.header.e_phnum = 0xFFFF; },
             "65535 program headers"},
        Flaw{"ProgramHeadersAtTheEnd",
             [](ElfBuilder& b) { b.header.e_phoff = 3 * page_size + 2000; },
             "before the program headers"},
        Flaw{"ProgramHeadersOutside", [](ElfBuilder& b) { b.header.e_phoff = 1 << 20; },
             "program headers are outside"},
        Flaw{"ProgramHeadersWrapAround", [](ElfBuilder& b) { b.header.e_phoff = past_all - 8; },
             "program headers are outside"},
        Flaw{"EntryOutside", [](ElfBuilder& b) { b.header.e_entry = 0; }, "entry point 0x0"},
        Flaw{"EntryInData", [](ElfBuilder& b) { b.header.e_entry = b.data.p_vaddr; },
             "not in an executable kernel segment"},
        Flaw{"EntryInUserText", [](ElfBuilder& b) { b.header.e_entry = b.user_text.p_vaddr; },
             "not in an executable kernel segment"},
        Flaw{"EntryBehindText",
             [](ElfBuilder& b) {
                 b.data.p_type = PT_NULL;
                 b.header.e_entry = b.text.p_vaddr + b.text.p_memsz;
             },
             "entry point"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Segments, FlawedElf,
    testing::Values(
        Flaw{"Interpreter", [](ElfBuilder& b) { b.data.p_type = PT_INTERP; }, "dynamic"},
        Flaw{"DynamicSegment", [](ElfBuilder& b) { b.data.p_type = PT_DYNAMIC; }, "dynamic"},
        Flaw{"OffsetOutsideFile", [](ElfBuilder& b) { b.data.p_offset = 1 << 20; },
             "not all in the file"},
        Flaw{"OffsetWrapsAround", [](ElfBuilder& b) { b.data.p_offset = past_all - 16; },
             "not all in the file"},
        Flaw{"SizeOutsideFile", [](ElfBuilder& b) { b.data.p_filesz = b.data.p_memsz = 1 << 20; },
             "not all in the file"},
        Flaw{"SizeWrapsAround", [](ElfBuilder& b) { b.data.p_filesz = past_all; },
             "not all in the file"},
        Flaw{"LargerInFileThanInMemory", [](ElfBuilder& b) { b.data.p_memsz = 16; },
             "larger in the file than in memory"},
        Flaw{"ContentsButNoMemory", [](ElfBuilder& b) { b.data.p_memsz = 0; },
             "larger in the file than in memory"},
        Flaw{"UnalignedVirtual", [](ElfBuilder& b) { b.data.p_vaddr += 8; },
             "does not start on a page"},
        Flaw{"UnalignedPhysical", [](ElfBuilder& b) { b.data.p_paddr += 0x800; },
             "does not start on a page"},
        Flaw{"OverlapInVirtual", [](ElfBuilder& b) { b.data.p_vaddr = b.text.p_vaddr; }, "overlap"},
        Flaw{"OverlapInPhysical", [](ElfBuilder& b) { b.data.p_paddr = b.text.p_paddr; },
             "overlap"},
        Flaw{"OverlapByTheZeroes", [](ElfBuilder& b) { b.data.p_memsz = page_size + 1; },
             "overlap"},
        Flaw{"SameSegmentTwice",
             [](ElfBuilder& b) {
                 b.more_headers.push_back(b.data);
                 b.header.e_phnum = 5;
             },
             "overlap"},
        Flaw{"MemoryWrapsAround", [](ElfBuilder& b) { b.data.p_memsz = past_all; },
             "neither in the kernel image"},
        Flaw{"MemoryWrapsAroundToItself",
             [](ElfBuilder& b) { b.data.p_memsz = past_all - b.data.p_vaddr + 1 + page_size; },
             "neither in the kernel image"},
        Flaw{"LargerThanTheImage", [](ElfBuilder& b) { b.data.p_memsz = layout::image_limit; },
             "neither in the kernel image"},
        Flaw{"AtAddressZero", [](ElfBuilder& b) { b.user_text.p_vaddr = 0; },
             "nor in the user image"},
        Flaw{"BetweenTheImages", [](ElfBuilder& b) { b.data.p_vaddr = 0x8000'0000; },
             "neither in the kernel image"},
        Flaw{"InTheDirectMap", [](ElfBuilder& b) { b.data.p_vaddr = layout::direct_map; },
             "neither in the kernel image"},
        Flaw{"LastPageOfAll", [](ElfBuilder& b) { b.data.p_vaddr = past_all - page_size + 1; },
             "neither in the kernel image"},
        Flaw{"PhysicalTooLow", [](ElfBuilder& b) { b.data.p_paddr = 0; }, "physical 0x0, outside"},
        Flaw{"PhysicalTooHigh",
             [](ElfBuilder& b) { b.data.p_paddr = layout::image_physical + layout::image_limit; },
             "outside"},
        Flaw{"PhysicalWrapsAround",
             [](ElfBuilder& b) { b.data.p_paddr = past_all - page_size + 1; }, "outside"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Note, FlawedElf,
    testing::Values(
        Flaw{"None", [](ElfBuilder& b) { b.note_header.p_type = PT_NULL; }, "no nestbed note"},
        Flaw{"OtherType", [](ElfBuilder& b) { b.note_start.n_type = 99; }, "no nestbed note"},
        Flaw{"OtherName", [](ElfBuilder& b) { b.note_start.n_namesz = 4; }, "no nestbed note"},
        Flaw{"OutsideFile", [](ElfBuilder& b) { b.note_header.p_offset = past_all; }, "truncated"},
        Flaw{"TooShortForItsHeader", [](ElfBuilder& b) { b.note_header.p_filesz = 4; },
             "no nestbed note"},
        Flaw{"TooShortForItsDescriptor", [](ElfBuilder& b) { b.note_header.p_filesz = 24; },
             "no nestbed note"},
        Flaw{"HugeName", [](ElfBuilder& b) { b.note_start.n_namesz = 0xFFFF'FFFF; },
             "no nestbed note"},
        Flaw{"HugeDescriptor", [](ElfBuilder& b) { b.note_start.n_descsz = 0xFFFF'FFFF; },
             "no nestbed note"},
        Flaw{"ShortDescriptor", [](ElfBuilder& b) { b.note_start.n_descsz = 8; },
             "its nestbed note has 8 bytes"},
        Flaw{"OlderVersion", [](ElfBuilder& b) { b.note.abi_version = channel::abi_version - 1; },
             "rebuild the guest with this nestbed's package"},
        Flaw{"NewerVersion", [](ElfBuilder& b) { b.note.abi_version = channel::abi_version + 1; },
             "rebuild the guest with this nestbed's package"},
        Flaw{"NewerVersionWithShorterDescriptor",
             [](ElfBuilder& b) {
                 b.note.abi_version = channel::abi_version + 1;
                 b.note_start.n_descsz = 8;
             },
             "rebuild the guest with this nestbed's package"},
        Flaw{"DescriptorSize", [](ElfBuilder& b) { b.note.descriptor_size = 96; },
             "96 bytes instead of 104"}),
    name_of);

constexpr channel::Stacks good_stacks{{layout::kernel_image + page_size},
                                      channel::StackKind::kernel,
                                      page_size,
                                      page_size,
                                      2 * page_size};

Flaw flaw_of_stacks(const char* name, void (*spoil)(channel::Stacks&)) {
    return {name,
            [spoil](ElfBuilder& b) {
                channel::Stacks stacks = good_stacks;
                spoil(stacks);
                b.add_stacks(stacks);
            },
            "its kernel stack at "};
}

Flaw flaw_of_waits(const char* name, std::uint64_t address, std::uint64_t stride) {
    return {name,
            [address, stride](ElfBuilder& b) {
                b.add_stacks(good_stacks);
                b.note.runtime.marks = {address};
                b.note.runtime.mark_stride = stride;
            },
            "says what its CPUs are at"};
}

TEST(Waits, ThatArePossible) {
    ElfBuilder builder;
    builder.add_stacks(good_stacks);
    EXPECT_EQ(test::rejection(builder.file()), "");
    builder.note.runtime.marks = {layout::kernel_image + page_size};
    builder.note.runtime.mark_stride = 256;
    EXPECT_EQ(test::rejection(builder.file()), "");
}

INSTANTIATE_TEST_SUITE_P(
    Waits, FlawedElf,
    testing::Values(flaw_of_waits("OnTopOfEachOther", layout::kernel_image + page_size, 8),
                    flaw_of_waits("FarApart", layout::kernel_image + page_size, past_all / 2),
                    flaw_of_waits("InTheCode", layout::kernel_image, 256),
                    flaw_of_waits("EndOutside", layout::kernel_image + 1020 * page_size, 1024),
                    flaw_of_waits("BeyondTheLastAddress", past_all - 64, 64)),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Stacks, FlawedElf,
    testing::Values(
        Flaw{"TooMany",
             [](ElfBuilder& b) {
                 b.add_stacks(good_stacks);
                 b.note.runtime.stack_kinds = 9;
             },
             "9 kinds of stacks; 8 are possible"},
        Flaw{"TableOutsideSegments",
             [](ElfBuilder& b) {
                 b.add_stacks(good_stacks);
                 b.note.runtime.stacks.address = 0x1234;
             },
             "table of its stacks"},
        flaw_of_stacks("NotOnAPage", [](channel::Stacks& s) { s.first.address += 8; }),
        flaw_of_stacks("HalfAGuard", [](channel::Stacks& s) { s.guard_bytes = 2048; }),
        flaw_of_stacks("Overlapping", [](channel::Stacks& s) { s.stride = page_size; }),
        flaw_of_stacks("NoStride",
                       [](channel::Stacks& s) {
                           s = {s.first, s.kind, 0, 0, 0};
                       }),
        flaw_of_stacks("HugeGuard",
                       [](channel::Stacks& s) { s.guard_bytes = past_all - page_size + 1; }),
        flaw_of_stacks("BeyondTheLastAddress",
                       [](channel::Stacks& s) { s.first.address = past_all - page_size + 1; }),
        flaw_of_stacks("OverCode",
                       [](channel::Stacks& s) { s.first.address = layout::kernel_image; }),
        flaw_of_stacks("OfTheLastCpuOutside", [](channel::Stacks& s) { s.stride *= 16; }),
        Flaw{"OfAKindThatThereIsNot",
             [](ElfBuilder& b) {
                 channel::Stacks stacks = good_stacks;
                 stacks.kind = static_cast<channel::StackKind>(77);
                 stacks.stride = 0;
                 b.add_stacks(stacks);
             },
             "rebuild the guest with this nestbed's package"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Tests, FlawedElf,
    testing::Values(
        Flaw{"TableBackwards", [](ElfBuilder& b) { b.note.tests_end.address = 0; },
             "impossible size"},
        Flaw{"TableOfHalfATest", [](ElfBuilder& b) { b.note.tests_end.address -= 8; },
             "impossible size"},
        Flaw{"TableTooLarge",
             [](ElfBuilder& b) {
                 b.note.tests_end.address =
                     b.note.tests_begin.address + 5000 * sizeof(channel::TestDescriptor);
             },
             "impossible size"},
        Flaw{"TableOutsideSegments",
             [](ElfBuilder& b) {
                 b.note.tests_begin.address += 1 << 20;
                 b.note.tests_end.address += 1 << 20;
             },
             "outside its segments"},
        Flaw{"TableCrossesASegmentsEnd",
             [](ElfBuilder& b) {
                 b.note.tests_begin.address = b.text.p_vaddr + page_size - 8;
                 b.note.tests_end.address =
                     b.note.tests_begin.address + sizeof(channel::TestDescriptor);
             },
             "outside its segments"},
        Flaw{"NameOutsideSegments", [](ElfBuilder& b) { b.tests[0].name = {0x1234}; },
             "name of a test"},
        Flaw{"NullSuite", [](ElfBuilder& b) { b.tests[0].suite = {}; }, "name of a test"},
        Flaw{"FileAtTheEndOfAll", [](ElfBuilder& b) { b.tests[0].file = {past_all}; },
             "name of a test"},
        Flaw{"EmptyName", [](ElfBuilder& b) { b.strings[1] = std::string_view("\0\0\0\0", 4); },
             "not an identifier"},
        Flaw{"NameOfTwoLines", [](ElfBuilder& b) { b.strings[1] = "te\nt"; }, "not an identifier"},
        Flaw{"NameWithAnEscape", [](ElfBuilder& b) { b.strings[1] = "\x1B[2J"; },
             "not an identifier"},
        Flaw{"NameWithAWildcard", [](ElfBuilder& b) { b.strings[1] = "tes*"; },
             "not an identifier"},
        Flaw{"TagsOutside", [](ElfBuilder& b) { b.tests[0].needs.tags = {0x1000}; },
             "suite.test: its tags are outside the segments, or longer than 1023 characters"},
        Flaw{"TagOfOddLetters",
             [](ElfBuilder& b) {
                 b.strings.emplace_back("slow -x");
                 b.tests[0].needs.tags = {b.string_address(3)};
             },
             "suite.test: its tag \"-x\" is no word like slow or needs-pcid"},
        Flaw{"TagOfNothing",
             [](ElfBuilder& b) {
                 b.strings.emplace_back("");
                 b.tests[0].needs.tags = {b.string_address(3)};
             },
             "suite.test: its tag \"\" is no word like slow or needs-pcid"}),
    name_of);

}  // namespace
}  // namespace nestbed::vmm
