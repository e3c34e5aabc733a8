// Host memory without KVM: names, sizes and places.

#include "vmm/memory/backing.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <thread>

#include "tests/unit/memory/byte_units.hpp"
#include "vmm/base/error.hpp"
#include "vmm/memory/memory_report.hpp"
#include "vmm/study/axis.hpp"

namespace nestbed::vmm {
namespace {

using test::gib;
using test::kib;
using test::mib;
using testing::AllOf;
using testing::HasSubstr;

constexpr Backing all[]{Backing::anon, Backing::thp, Backing::memfd, Backing::hugetlb_2m,
                        Backing::hugetlb_1g};

std::string refusal(const BackingSettings& settings, std::uint64_t size,
                    std::uint64_t guest_physical = 0) {
    try {
        static_cast<void>(map_backing(settings, size, guest_physical));
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::host_lacks);
        return error.what();
    }
    return "no error";
}

TEST(BackingName, IsAsOnTheCommandLine) {
    const Axis axis = name_axis<Backing>("backing", {}, {});
    for (const Backing backing : all) {
        EXPECT_THAT(axis.parse(study::name_of(backing)),
                    testing::ElementsAre(static_cast<std::uint64_t>(backing)));
    }
    for (const char* name : {"", "4k", "hugetlb", "ANON", "anon "}) {
        try {
            axis.parse(name);
            ADD_FAILURE() << name;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::usage);
            EXPECT_THAT(
                error.what(),
                testing::StartsWith(fmt::format(
                    "--backing {}: there are anon, thp, memfd, hugetlb-2m, hugetlb-1g", name)));
        }
    }
}

TEST(CongruentAddress, IsTheLowestThatFits) {
    // (from, guest_physical, expected) for pieces of 2 MiB.
    constexpr std::uint64_t base = 0x7F12'3440'0000;
    static_assert(base % (2 * mib) == 0);
    EXPECT_EQ(congruent_address(base, 0, 2 * mib), base);
    EXPECT_EQ(congruent_address(base + 4 * kib, 0, 2 * mib), base + 2 * mib);
    EXPECT_EQ(congruent_address(base, 12 * kib, 2 * mib), base + 12 * kib);
    EXPECT_EQ(congruent_address(base + 16 * kib, 12 * kib, 2 * mib), base + 2 * mib + 12 * kib);
    EXPECT_EQ(congruent_address(base, 5 * gib + 12 * kib, 2 * mib), base + 12 * kib);
    EXPECT_EQ(congruent_address(base, 5 * gib, gib) % gib, 0U);
    EXPECT_GE(congruent_address(base, 5 * gib, gib), base);
    EXPECT_LT(congruent_address(base, 5 * gib, gib), base + gib);
}

TEST(MapBacking, LiesInALeafAsTheGuestSeesIt) {
    for (const Backing backing : {Backing::anon, Backing::memfd}) {
        for (const std::uint64_t guest_physical :
             {0 * mib, 2 * mib, 3 * mib + 4 * kib, 4 * gib, 5 * gib + 1020 * kib}) {
            const HostMemory memory = map_backing({.kind = backing}, 3 * mib, guest_physical);
            EXPECT_EQ((reinterpret_cast<std::uint64_t>(memory.address()) - guest_physical) %
                          alignment_of(backing),
                      0U)
                << study::name_of(backing) << " " << guest_physical;
        }
    }
}

/// Maps memory, again and again, until it is told to stop. Returns how often somebody else took it
/// away. It is looked at through a pipe, which does not die of it.
std::uint64_t count_mappings_lost(const std::stop_token& stop) {
    // So much that the kernel finds a place for it in the largest gap that there is.
    constexpr std::uint64_t size = gib;
    std::uint64_t lost = 0;
    std::array<int, 2> pipe{};
    EXPECT_EQ(::pipe(pipe.data()), 0);
    while (!stop.stop_requested()) {
        void* const memory =
            ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        std::this_thread::sleep_for(std::chrono::microseconds(50));
        char byte = 0;
        if (::write(pipe[1], memory, 1) != 1) {
            ++lost;
        } else {
            EXPECT_EQ(::read(pipe[0], &byte, 1), 1);
        }
        ::munmap(memory, size);
    }
    ::close(pipe[0]);
    ::close(pipe[1]);
    return lost;
}

TEST(MapBacking, ARefusalTakesNothingFromOtherThreads) {
    // Nobody has so many huge pages. With each refusal the kernel leaves a gap where the address
    // space was reserved, into which others map.
    constexpr std::uint64_t too_much = 4096 * gib;
    std::uint64_t lost = 0;
    {
        std::jthread other([&](const std::stop_token& stop) { lost = count_mappings_lost(stop); });
        for (int n = 0; n < 2000; ++n) {
            ASSERT_NE(refusal({.kind = Backing::hugetlb_2m}, too_much), "no error");
        }
    }
    EXPECT_EQ(lost, 0U);
}

TEST(MapBacking, RoundsUpToWholePages) {
    EXPECT_EQ(map_backing({.kind = Backing::anon}, 5 * kib).size(), 8 * kib);
    EXPECT_EQ(map_backing({.kind = Backing::memfd}, 2 * mib).size(), 2 * mib);
}

TEST(MapBacking, IsAMappingOfItsOwn) {
    // Neighbours of the same kind would be merged into one mapping, which smaps shows as one.
    std::vector<HostMemory> neighbours;
    constexpr int count = 20;
    neighbours.reserve(count);
    for (int n = 0; n < count; ++n) {
        neighbours.push_back(map_backing({.kind = Backing::anon, .prefault = n % 2 == 0}, 2 * mib));
    }
    for (std::size_t n = 0; n < neighbours.size(); ++n) {
        const HostMemory& memory = neighbours[n];
        const ResidentPages pages = MemoryMaps().resident_pages_of(memory.address(), memory.size());
        EXPECT_EQ(pages.mapped, memory.size());
        EXPECT_EQ(pages.resident(), n % 2 == 0 ? memory.size() : 0) << n;
    }
}

TEST(MapBacking, AMemoryFileIsAtHand) {
    EXPECT_EQ(map_backing({.kind = Backing::anon}, 2 * mib).file(), -1);
    const HostMemory memory = map_backing({.kind = Backing::memfd}, 2 * mib);
    struct stat status {};
    ASSERT_EQ(::fstat(memory.file(), &status), 0);
    EXPECT_EQ(status.st_size, static_cast<off_t>(2 * mib));
    ASSERT_EQ(::pwrite(memory.file(), "xyz", 3, 4 * kib), 3);
    EXPECT_EQ(std::memcmp(static_cast<const std::byte*>(memory.address()) + 4 * kib, "xyz", 3), 0);
}

TEST(MapBacking, BeginsWithAWholePageOfTheGuest) {
    EXPECT_THAT(refusal({.kind = Backing::anon}, 2 * mib, 4 * kib + 1), HasSubstr("0x1001"));
    EXPECT_THAT(refusal({.kind = Backing::hugetlb_2m}, 2 * mib, 3 * mib), HasSubstr("2048 KiB"));
    EXPECT_THAT(refusal({.kind = Backing::hugetlb_1g}, 2 * mib, 2 * mib), HasSubstr("hugetlb-1g"));
}

TEST(MapBacking, MoreThanThereIsAddressSpaceFor) {
    EXPECT_THAT(refusal({.kind = Backing::anon}, 1ULL << 50),
                AllOf(HasSubstr("--backing anon"), HasSubstr("--memory")));
}

TEST(MapBacking, NoTransparentHugePagesAreAnError) {
    ASSERT_EQ(::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
    EXPECT_THAT(refusal({.kind = Backing::thp}, 2 * mib),
                AllOf(HasSubstr("--backing thp"), HasSubstr("transparent huge pages")));
    ASSERT_EQ(::prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0), 0);
}

}  // namespace
}  // namespace nestbed::vmm
