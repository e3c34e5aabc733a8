// Files of guests that lie: refused with one line, or run without any harm.

#include <gmock/gmock.h>
#include <zlib.h>

#include <algorithm>
#include <functional>
#include <random>

#include "tests/hostile/edited_elf.hpp"
#include "tests/hostile/hostile_test.hpp"

namespace nestbed::test {
namespace {

using nlohmann::json;
using testing::ContainsRegex;

constexpr std::uint64_t all_ones = ~std::uint64_t{0};

struct Lie {
    const char* name;
    std::function<void(EditedElf&)> tell;
    const char* refusal;
};

/// Of what the loader looks at.
const std::vector<Lie>& refused() {
    using Elf = EditedElf;
    constexpr std::size_t abi = offsetof(channel::GuestNote, abi_version);
    constexpr std::size_t size = offsetof(channel::GuestNote, descriptor_size);
    constexpr std::size_t begin = offsetof(channel::GuestNote, tests_begin);
    constexpr std::size_t end = offsetof(channel::GuestNote, tests_end);
    constexpr std::size_t runtime = offsetof(channel::GuestNote, runtime);
    constexpr std::size_t stacks = runtime + offsetof(channel::GuestRuntime, stacks);
    constexpr std::size_t waits = runtime + offsetof(channel::GuestRuntime, marks);
    constexpr std::size_t stride = runtime + offsetof(channel::GuestRuntime, mark_stride);
    constexpr std::size_t kinds = runtime + offsetof(channel::GuestRuntime, stack_kinds);
    static const std::vector<Lie> lies{
        {"empty", [](Elf& e) { e.bytes.clear(); }, "not an ELF file|is empty"},
        {"one_byte", [](Elf& e) { e.bytes.resize(1); }, "not an ELF file"},
        {"identification_alone", [](Elf& e) { e.bytes.resize(16); }, "truncated"},
        {"header_cut", [](Elf& e) { e.bytes.resize(63); }, "truncated"},
        {"header_alone", [](Elf& e) { e.bytes.resize(64); }, "truncated"},
        {"half", [](Elf& e) { e.bytes.resize(8192); }, "truncated"},
        {"text", [](Elf& e) { e.bytes.assign(100'000, 'x'); }, "not an ELF file"},
        {"zeroes", [](Elf& e) { e.bytes.assign(100'000, '\0'); }, "not an ELF file"},
        {"of_32_bits", [](Elf& e) { e.header().e_ident[EI_CLASS] = 1; }, "a 32-bit ELF file"},
        {"of_no_class", [](Elf& e) { e.header().e_ident[EI_CLASS] = 77; }, "not a 64-bit ELF file"},
        {"big_endian", [](Elf& e) { e.header().e_ident[EI_DATA] = 2; }, "another processor"},
        {"of_another_processor", [](Elf& e) { e.header().e_machine = 183; }, "another processor"},
        {"dynamic", [](Elf& e) { e.header().e_type = ET_DYN; }, "position-independent"},
        {"core", [](Elf& e) { e.header().e_type = ET_CORE; }, "not an executable"},
        {"no_program_headers", [](Elf& e) { e.header().e_phnum = 0; }, "no program headers"},
        {"65535_program_headers", [](Elf& e) { e.header().e_phnum = 0xFFFF; }, "program headers"},
        {"headers_of_0", [](Elf& e) { e.header().e_phentsize = 0; }, "headers of 0 bytes"},
        {"headers_of_65535", [](Elf& e) { e.header().e_phentsize = 0xFFFF; }, "65535 bytes"},
        {"headers_nowhere", [](Elf& e) { e.header().e_phoff = all_ones; }, "truncated"},
        {"headers_at_2_63", [](Elf& e) { e.header().e_phoff = all_ones << 63; }, "truncated"},
        {"headers_at_the_end", [](Elf& e) { e.header().e_phoff = e.bytes.size(); }, "truncated"},
        {"entry_nowhere", [](Elf& e) { e.header().e_entry = all_ones; }, "its entry point"},
        {"entry_in_data", [](Elf& e) { e.header().e_entry = e.program(Elf::data).p_vaddr; },
         "its entry point"},
        {"entry_in_user_code",
         [](Elf& e) { e.header().e_entry = e.program(Elf::user_text).p_vaddr; }, "its entry point"},
        {"segment_nowhere", [](Elf& e) { e.program(Elf::text).p_offset = all_ones; }, "truncated"},
        {"segment_that_wraps", [](Elf& e) { e.program(Elf::text).p_offset = all_ones - 4095; },
         "truncated"},
        {"segment_of_2_64", [](Elf& e) { e.program(Elf::text).p_filesz = all_ones; }, "truncated"},
        {"segment_without_memory", [](Elf& e) { e.program(Elf::text).p_memsz = 0; },
         "larger in the file than in memory"},
        {"memory_of_2_64", [](Elf& e) { e.program(Elf::data).p_memsz = all_ones; },
         "neither in the kernel image"},
        {"memory_of_2_40", [](Elf& e) { e.program(Elf::data).p_memsz = all_ones >> 24; },
         "neither in the kernel image"},
        {"at_address_0", [](Elf& e) { e.program(Elf::text).p_vaddr = 0; }, "neither in the kernel"},
        {"at_the_last_page", [](Elf& e) { e.program(Elf::text).p_vaddr = all_ones - 4095; },
         "neither in the kernel"},
        {"off_the_page", [](Elf& e) { e.program(Elf::text).p_vaddr += 8; }, "not start on a page"},
        {"at_physical_0", [](Elf& e) { e.program(Elf::text).p_paddr = 0; }, "outside \\["},
        {"at_physical_2_63", [](Elf& e) { e.program(Elf::text).p_paddr = all_ones << 63; },
         "outside \\["},
        {"over_each_other",
         [](Elf& e) { e.program(Elf::rodata).p_vaddr = e.program(Elf::text).p_vaddr; }, "overlap"},
        {"over_each_other_in_memory",
         [](Elf& e) { e.program(Elf::rodata).p_paddr = e.program(Elf::text).p_paddr; }, "overlap"},
        {"nothing_loaded",
         [](Elf& e) {
             for (std::size_t n = 0; n < Elf::note_header; ++n) {
                 e.program(n).p_type = PT_NULL;
             }
         },
         "impossible place or size"},
        {"no_note", [](Elf& e) { e.program(Elf::note_header).p_type = PT_NULL; }, "no nestbed"},
        {"note_nowhere", [](Elf& e) { e.program(Elf::note_header).p_offset = all_ones; },
         "truncated"},
        {"note_of_2_64", [](Elf& e) { e.program(Elf::note_header).p_filesz = all_ones; },
         "truncated"},
        {"note_with_a_name_of_2_32", [](Elf& e) { e.note_start().n_namesz = ~0U; }, "no nestbed"},
        {"note_of_2_32", [](Elf& e) { e.note_start().n_descsz = ~0U; }, "no nestbed"},
        {"note_of_nothing", [](Elf& e) { e.note_start().n_descsz = 0; }, "ABI version 0"},
        {"note_cut", [](Elf& e) { e.note_start().n_descsz = 40; }, "its nestbed note has 40 bytes"},
        {"note_of_another_type", [](Elf& e) { e.note_start().n_type = 2; }, "no nestbed"},
        {"abi_0", [](Elf& e) { e.set_note(abi, 0U); }, "ABI version 0"},
        {"abi_2_32", [](Elf& e) { e.set_note(abi, ~0U); }, "ABI version 4294967295"},
        {"descriptors_of_0", [](Elf& e) { e.set_note(size, 0U); }, "have 0 bytes"},
        {"tests_end_before_they_begin", [](Elf& e) { e.set_note(end, e.tests_begin() - 104); },
         "impossible size"},
        {"tests_without_end", [](Elf& e) { e.set_note(end, all_ones); }, "impossible size"},
        {"tests_that_end_inside_one", [](Elf& e) { e.set_note(end, e.tests_begin() + 105); },
         "impossible size"},
        {"tests_nowhere",
         [](Elf& e) {
             e.set_note(begin, std::uint64_t{0});
             e.set_note(end, std::uint64_t{104});
         },
         "outside its segments"},
        {"tests_behind_the_last",
         [](Elf& e) { e.set_note(end, e.tests_begin() + std::uint64_t{104} * 900); },
         "impossible size|outside its segments|name of a test"},
        {"test_without_a_name", [](Elf& e) { e.test().name = {0}; }, "the name of a test"},
        {"suite_nowhere", [](Elf& e) { e.test().suite = {all_ones}; }, "the name of a test"},
        {"file_nowhere", [](Elf& e) { e.test().file = {all_ones}; }, "the name of a test"},
        {"name_with_an_escape",
         [](Elf& e) { e.bytes[e.offset_of(e.test().name.address)] = '\x1b'; }, "not an identifier"},
        {"name_of_nothing", [](Elf& e) { e.bytes[e.offset_of(e.test().name.address)] = '\0'; },
         "not an identifier"},
        {"name_with_no_text", [](Elf& e) { e.bytes[e.offset_of(e.test().name.address)] = '\xff'; },
         "not an identifier"},
        {"tags_nowhere", [](Elf& e) { e.test().needs.tags = {all_ones}; }, "its tags"},
        {"tags_that_are_none", [](Elf& e) { e.test().needs.tags = {e.test().file}; }, "its tag"},
        {"two_tests_of_one_name",
         [](Elf& e) {
             channel::TestDescriptor* first = &e.test();
             first[1].name = first[0].name;
         },
         "two tests"},
        {"waits_nowhere", [](Elf& e) { e.set_note(waits, all_ones); }, "its CPUs are at"},
        {"waits_far_apart", [](Elf& e) { e.set_note(stride, all_ones << 63); }, "CPUs are at"},
        {"stacks_nowhere", [](Elf& e) { e.set_note(stacks, all_ones); }, "table of its stacks"},
        {"stack_kinds_2_64", [](Elf& e) { e.set_note(kinds, all_ones); }, "kinds of stacks"},
        {"stack_kinds_9", [](Elf& e) { e.set_note(kinds, std::uint64_t{9}); }, "kinds of stacks"},
        {"stacks_of_code", [](Elf& e) { e.set_note(stacks, e.program(Elf::text).p_vaddr); },
         "impossible place"},
    };
    return lies;
}

TEST_F(Hostile, FilesThatLieAreRefusedInOneLine) {
    for (const Lie& lie : refused()) {
        SCOPED_TRACE(lie.name);
        EditedElf elf(guest("healthy"));
        lie.tell(elf);
        elf.write_to(path("lie.elf"));
        const ProcessResult result = nestbed({"run", path("lie.elf")});
        expect_one_line_error(result, bad_input);
        EXPECT_THAT(result.err, ContainsRegex(lie.refusal));
        expect_printable(result.err);
    }
}

/// Of what runs.
const std::vector<Lie>& run_all_the_same() {
    using Elf = EditedElf;
    constexpr auto random_code = [](std::uint32_t seed) {
        return [seed](Elf& e) {
            std::mt19937 random(seed);
            char* code = e.bytes.data() + e.offset_of(e.header().e_entry);
            std::generate(code, code + 256, [&] { return static_cast<char>(random()); });
        };
    };
    static const std::vector<Lie> lies{
        {"body_nowhere", [](Elf& e) { e.test().body = {0}; }, ""},
        {"body_not_canonical", [](Elf& e) { e.test().body = {all_ones << 63}; }, ""},
        {"body_that_is_data", [](Elf& e) { e.test().body = {e.program(Elf::data).p_vaddr}; }, ""},
        {"body_of_user_mode", [](Elf& e) { e.test().body = {e.program(Elf::user_text).p_vaddr}; },
         ""},
        {"last_line", [](Elf& e) { e.test().body = {0}, e.test().line = all_ones; }, ""},
        {"entry_inside_an_instruction", [](Elf& e) { ++e.header().e_entry; }, ""},
        {"entry_at_the_end",
         [](Elf& e) {
             const Elf64_Phdr& text = e.program(Elf::text);
             e.header().e_entry = text.p_vaddr + text.p_memsz - 1;
         },
         ""},
        {"nothing_writable", [](Elf& e) { e.program(Elf::text).p_flags = PF_X; }, ""},
        {"random_code_1", random_code(1), ""},
        {"random_code_2", random_code(2), ""},
        {"random_code_3", random_code(3), ""},
        {"random_code_4", random_code(4), ""},
    };
    return lies;
}

TEST_F(Hostile, FilesThatLieAboutTheirCodeHarmNobody) {
    std::vector<std::string> files;
    for (const Lie& lie : run_all_the_same()) {
        EditedElf elf(guest("stack"));
        elf.number_suite(files.size());
        lie.tell(elf);
        files.push_back(path(lie.name));
        elf.write_to(files.back());
    }
    EXPECT_EQ(run(files, {"--filter", "*.of_the_kernel", "--timeout", "1"}).size(), files.size());
}

/// A test that has a diagnosis.
const std::vector<std::string> dies{"--filter", "*.frame_that_is_its_own_caller"};

/// Of what only a diagnosis looks at: the sections. The test dies all the same, for its reason.
const std::vector<Lie>& diagnosed() {
    using Elf = EditedElf;
    static const std::vector<Lie> lies{
        {"sections_nowhere", [](Elf& e) { e.header().e_shoff = all_ones; }, ""},
        {"sections_at_the_end", [](Elf& e) { e.header().e_shoff = e.bytes.size() - 1; }, ""},
        {"65279_sections", [](Elf& e) { e.header().e_shnum = 0xFEFF; }, ""},
        {"sections_of_0", [](Elf& e) { e.header().e_shentsize = 0; }, ""},
        {"names_nowhere", [](Elf& e) { e.header().e_shstrndx = 0xFFFE; }, ""},
        {"symbols_nowhere", [](Elf& e) { e.section(".symtab").sh_offset = all_ones; }, ""},
        {"symbols_of_2_64", [](Elf& e) { e.section(".symtab").sh_size = all_ones; }, ""},
        {"symbols_of_0", [](Elf& e) { e.section(".symtab").sh_entsize = 0; }, ""},
        {"symbols_that_are_their_names",
         [](Elf& e) { e.section(".symtab").sh_link = e.section(".symtab").sh_info; }, ""},
        {"information_nowhere", [](Elf& e) { e.section(".debug_info").sh_offset = all_ones; }, ""},
        {"information_cut", [](Elf& e) { e.section(".debug_info").sh_size = 13; }, ""},
        {"information_of_ones",
         [](Elf& e) {
             const Elf64_Shdr& section = e.section(".debug_info");
             for (std::uint64_t n = 0; n < section.sh_size; ++n) {
                 e.bytes[section.sh_offset + n] = '\xff';
             }
         },
         ""},
        {"abbreviations_of_ones",
         [](Elf& e) {
             const Elf64_Shdr& section = e.section(".debug_abbrev");
             for (std::uint64_t n = 0; n < section.sh_size; ++n) {
                 e.bytes[section.sh_offset + n] = '\x7f';
             }
         },
         ""},
        {"frames_of_ones",
         [](Elf& e) {
             const Elf64_Shdr& section = e.section(".debug_frame");
             for (std::uint64_t n = 0; n < section.sh_size; ++n) {
                 e.bytes[section.sh_offset + n] = '\xff';
             }
         },
         ""},
        {"lines_of_zeroes",
         [](Elf& e) {
             const Elf64_Shdr& section = e.section(".debug_line");
             for (std::uint64_t n = 16; n < section.sh_size; ++n) {
                 e.bytes[section.sh_offset + n] = '\0';
             }
         },
         ""},
        {"compressed_that_is_not",
         [](Elf& e) { e.section(".debug_str").sh_flags |= SHF_COMPRESSED; }, ""},
    };
    return lies;
}

TEST_F(Hostile, FilesThatLieToTheDiagnosisHaveATestThatFails) {
    std::vector<std::string> files;
    for (const Lie& lie : diagnosed()) {
        EditedElf elf(guest("stack"));
        elf.number_suite(files.size());
        lie.tell(elf);
        files.push_back(path(lie.name));
        elf.write_to(files.back());
    }
    EXPECT_EQ(run(files, dies).size(), files.size());
}

std::vector<char> deflated(const std::vector<char>& text, int flush) {
    z_stream stream{};
    ::deflateInit(&stream, Z_BEST_COMPRESSION);
    std::vector<char> out(text.size() / 100 + 4096);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    ::deflate(&stream, flush);
    out.resize(out.size() - stream.avail_out);
    ::deflateEnd(&stream);
    return out;
}

/// Puts a compressed `.debug_str` at the end of the file, which says of itself that it becomes
/// `claimed` bytes and becomes `blocks` times 16 MiB.
void compress_strings(EditedElf& elf, std::uint64_t claimed, std::size_t blocks) {
    // Each block is compressed without regard to the others, so that one is written many times.
    const std::vector<char> block = deflated(std::vector<char>(16 << 20, 'x'), Z_FULL_FLUSH);
    constexpr std::size_t stream_header = 2;
    Elf64_Shdr& section = elf.section(".debug_str");
    section.sh_flags |= SHF_COMPRESSED;
    section.sh_offset = elf.bytes.size();
    section.sh_addralign = 8;
    section.sh_size = sizeof(Elf64_Chdr) + stream_header + blocks * (block.size() - stream_header);
    const Elf64_Chdr header{ELFCOMPRESS_ZLIB, 0, claimed, 1};
    const auto* start = reinterpret_cast<const char*>(&header);
    elf.bytes.insert(elf.bytes.end(), start, start + sizeof header);
    elf.bytes.insert(elf.bytes.end(), block.begin(), block.begin() + stream_header);
    for (std::size_t n = 0; n < blocks; ++n) {
        elf.bytes.insert(elf.bytes.end(), block.begin() + stream_header, block.end());
    }
}

TEST_F(Hostile, CompressedDebugInformationIsNotUnpackedWithoutLimit) {
    constexpr std::uint64_t block = 16 << 20;
    std::vector<std::string> files;
    for (const auto& [claimed, blocks] : std::vector<std::pair<std::uint64_t, std::size_t>>{
             {block * 192, 192}, {all_ones, 1}, {std::uint64_t{1} << 40, 1}, {0, 64}, {100, 64}}) {
        EditedElf elf(guest("stack"));
        elf.number_suite(files.size());
        compress_strings(elf, claimed, blocks);
        files.push_back(path(std::to_string(claimed).c_str()));
        elf.write_to(files.back());
    }
    EXPECT_EQ(run(files, dies).size(), files.size());
}

}  // namespace
}  // namespace nestbed::test
