// Files with no plan behind their flaws: cut off anywhere, and changed at random. Whatever happens,
// the loader refuses the file politely or takes one that keeps its promises. Meant for a sanitizer:
// each file is a heap block of exactly its size.

#include <algorithm>
#include <array>
#include <random>

#include "tests/unit/loader/elf_builder.hpp"
#include "tests/unit/loader/rejection.hpp"
#include "vmm/loader/guest.hpp"

namespace nestbed::vmm {
namespace {

using test::ElfBuilder;

namespace layout = channel::layout;

std::vector<std::byte> real_guest() {
    const std::span<const std::byte> file = builtin_guests().front().file;
    return {file.begin(), file.end()};
}

/// What elf_image.hpp and guest.hpp promise of a file that was taken.
void expect_promises(const Guest& guest, std::span<const std::byte> file) {
    const ElfImage& image = guest.image();
    for (const Segment& segment : image.segments()) {
        const std::uint64_t base = segment.user ? layout::user_image : layout::kernel_image;
        EXPECT_GE(segment.virtual_address, base);
        EXPECT_LE(segment.virtual_address - base + segment.memory_size, layout::image_limit);
        EXPECT_LE(segment.contents.size(), segment.memory_size);
        EXPECT_LE(segment.physical_address + segment.memory_size, image.physical_end());
        if (!segment.contents.empty()) {
            EXPECT_GE(segment.contents.data(), file.data());
            EXPECT_LE(segment.contents.data() + segment.contents.size(), file.data() + file.size());
        }
    }
    EXPECT_LE(image.physical_end(), layout::image_physical + layout::image_limit);
    for (const GuestTest& test : guest.tests()) {
        EXPECT_GE(image.contents_from(test.descriptor).size(), sizeof(channel::TestDescriptor));
        EXPECT_GE(test.needs.cpus, 1U);
        EXPECT_LE(test.needs.cpus, channel::max_cpus);
    }
}

/// True if the file was taken.
bool survives(std::span<const std::byte> file) {
    try {
        expect_promises(Guest("some.elf", file), file);
        return true;
    } catch (const Error& error) {
        test::expect_good_manners(error, "some.elf");
        return false;
    }
}

/// Copies, so that the block ends where the file does.
bool survives_cut(std::span<const std::byte> whole, std::size_t size) {
    const std::vector<std::byte> cut(whole.begin(),
                                     whole.begin() + static_cast<std::ptrdiff_t>(size));
    return survives(cut);
}

TEST(HostileElf, ASmallFileMayEndAnywhere) {
    const std::vector<std::byte> file = ElfBuilder().file();
    for (std::size_t size = 0; size < file.size(); ++size) {
        EXPECT_FALSE(survives_cut(file, size)) << size;
    }
    EXPECT_TRUE(survives_cut(file, file.size()));
}

TEST(HostileElf, ARealGuestMayEndAnywhere) {
    const std::vector<std::byte> file = real_guest();
    std::size_t contents_end = 0;
    const Guest guest("some.elf", file);
    for (const Segment& segment : guest.image().segments()) {
        contents_end =
            std::max(contents_end, static_cast<std::size_t>(segment.contents.data() +
                                                            segment.contents.size() - file.data()));
    }
    ASSERT_LT(contents_end, file.size()) << "symbols lie behind the segments";
    std::vector<std::size_t> sizes;
    for (std::size_t size = 0; size < 1024; ++size) {
        sizes.push_back(size);
    }
    for (std::size_t size = contents_end - 256; size < contents_end + 256; ++size) {
        sizes.push_back(size);
    }
    std::mt19937_64 random(1);
    for (int i = 0; i < 1000; ++i) {
        sizes.push_back(random() % file.size());
    }
    for (const std::size_t size : sizes) {
        EXPECT_EQ(survives_cut(file, size), size >= contents_end) << size;
    }
}

/// The parts of a file that the loader reads: changes anywhere else change nothing.
std::vector<std::size_t> places_that_matter(const Guest& guest, std::span<const std::byte> file) {
    std::vector<std::size_t> places;
    const auto add = [&](std::size_t start, std::size_t size) {
        for (std::size_t i = 0; i < size; ++i) {
            places.push_back(start + i);
        }
    };
    add(0, sizeof(Elf64_Ehdr));
    Elf64_Ehdr header{};
    std::memcpy(&header, file.data(), sizeof header);
    for (std::size_t i = 0; i < header.e_phnum; ++i) {
        const std::size_t at = header.e_phoff + i * sizeof(Elf64_Phdr);
        add(at, sizeof(Elf64_Phdr));
        Elf64_Phdr program_header{};
        std::memcpy(&program_header, file.data() + at, sizeof program_header);
        if (program_header.p_type == PT_NOTE) {
            add(program_header.p_offset, program_header.p_filesz);
        }
    }
    for (const GuestTest& guest_test : guest.tests()) {
        const auto bytes = guest.image().contents_from(guest_test.descriptor);
        add(static_cast<std::size_t>(bytes.data() - file.data()), sizeof(channel::TestDescriptor));
    }
    return places;
}

TEST(HostileElf, RandomChangesOfARealGuest) {
    constexpr int rounds = 20'000;
    constexpr std::array<std::uint64_t, 10> nasty{0,
                                                  1,
                                                  0xFF,
                                                  0x7FFF'FFFF,
                                                  0xFFFF'FFFF,
                                                  0x8000'0000'0000'0000,
                                                  ~std::uint64_t{0},
                                                  4095,
                                                  1 << 20,
                                                  ~std::uint64_t{4095}};
    const std::vector<std::byte> original = real_guest();
    const std::vector<std::size_t> places =
        places_that_matter(Guest("some.elf", original), original);
    std::vector<std::byte> file = original;
    std::mt19937_64 random(2);
    int taken = 0;
    for (int round = 0; round < rounds; ++round) {
        const std::uint64_t changes = 1 + random() % 4;
        for (std::uint64_t change = 0; change < changes; ++change) {
            const std::size_t place = places[random() % places.size()];
            if (random() % 2 == 0) {
                file[place] ^= static_cast<std::byte>(1U << random() % 8);
            } else {
                const std::uint64_t value = nasty[random() % nasty.size()];
                const std::size_t size = std::size_t{1} << random() % 4;
                const std::size_t start = place / size * size;
                std::memcpy(file.data() + start, &value, size);
            }
        }
        taken += survives(file) ? 1 : 0;
        ASSERT_FALSE(testing::Test::HasFailure()) << "round " << round;
        for (const std::size_t place : places) {
            file[place] = original[place];
            // A change is at most 8 aligned bytes around its place.
            for (std::size_t at = place / 8 * 8; at < place / 8 * 8 + 8; ++at) {
                file[at] = original[at];
            }
        }
    }
    // Changes of unread fields (p_align, a note's padding, a body's address, …) do no harm: if this
    // is 0 or all, the changes test nothing.
    EXPECT_GT(taken, rounds / 100);
    EXPECT_LT(taken, rounds * 9 / 10);
}

}  // namespace
}  // namespace nestbed::vmm
