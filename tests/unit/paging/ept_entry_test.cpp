#include "shared/paging/ept_entry.hpp"

#include <gtest/gtest.h>

#include <random>

#include "typed.hpp"

namespace nestbed::paging::test {
namespace {

constexpr std::uint64_t r = 1ull << 0;
constexpr std::uint64_t w = 1ull << 1;
constexpr std::uint64_t x = 1ull << 2;
constexpr std::uint64_t wb = 6ull << 3;
constexpr std::uint64_t ps = 1ull << 7;
constexpr std::uint64_t user_x = 1ull << 10;

// A misuse that the types catch: none of these may compile.
template <Level L>
concept HasLeafForm = requires(EptEntry<L> entry) {
    entry.leaf_frame();
    entry.dirty();
    entry.flags();
};
template <Level L>
concept HasTableForm = requires(EptEntry<L> entry) {
    entry.next_table();
};
template <Level L, PageSize Size>
concept MapsSize = requires(Frame<Size> frame) {
    EptEntry<L>::leaf(frame, EptFlags(ept_all_granted));
};
static_assert(!HasLeafForm<Level::pml4> && !HasLeafForm<Level::pml5>);
static_assert(HasLeafForm<Level::pdpt> && HasTableForm<Level::pdpt>);
static_assert(!HasTableForm<Level::pt>);
static_assert(MapsSize<Level::pdpt, PageSize::size_1g>);
static_assert(!MapsSize<Level::pd, PageSize::size_1g>);
static_assert(!MapsSize<Level::pt, PageSize::size_2m>);
static_assert(!MapsSize<Level::pml4, PageSize::size_1g>);

template <typename T>
class AnyEptEntry : public testing::Test {};
TYPED_TEST_SUITE(AnyEptEntry, AllLevels, LevelName);

TYPED_TEST(AnyEptEntry, IsZeroAndNotPresentAtFirst) {
    const EptEntry<TypeParam::value> entry;
    EXPECT_EQ(entry.raw(), 0u);
    EXPECT_EQ(entry.kind(), EntryKind::not_present);
    EXPECT_EQ(entry.misconfigured_bits({}), 0u);
}

TYPED_TEST(AnyEptEntry, NamedBitsAreWhereTheManualHasThem) {
    using E = EptEntry<TypeParam::value>;
    EXPECT_TRUE(E(1ull << 0).readable());
    EXPECT_TRUE(E(1ull << 1).writable());
    EXPECT_TRUE(E(1ull << 2).executable());
    EXPECT_TRUE(E(1ull << 8).accessed());
    EXPECT_TRUE(E(1ull << 10).user_executable());
    EXPECT_TRUE(E(1ull << 63).suppress_ve());
}

TYPED_TEST(AnyEptEntry, SettersChangeTheirBitOnly) {
    using E = EptEntry<TypeParam::value>;
    std::mt19937_64 random(1);
    for (int i = 0; i < 1000; ++i) {
        const std::uint64_t raw = random();
        const E entry(raw);
        const auto changes_only = [&](std::uint64_t mask, auto set) {
            EXPECT_EQ(set(true).raw(), raw | mask);
            EXPECT_EQ(set(false).raw(), raw & ~mask);
        };
        changes_only(1ull << 0, [&](bool on) { return entry.with_readable(on); });
        changes_only(1ull << 1, [&](bool on) { return entry.with_writable(on); });
        changes_only(1ull << 2, [&](bool on) { return entry.with_executable(on); });
        changes_only(1ull << 8, [&](bool on) { return entry.with_accessed(on); });
        changes_only(1ull << 10, [&](bool on) { return entry.with_user_executable(on); });
        changes_only(1ull << 63, [&](bool on) { return entry.with_suppress_ve(on); });
        EXPECT_EQ(entry.with_permission(EptPermission::write | EptPermission::user_execute).raw(),
                  (raw & ~(r | x)) | w | user_x);
    }
}

TYPED_TEST(AnyEptEntry, PresentWithAnyPermission) {
    using E = EptEntry<TypeParam::value>;
    for (const std::uint64_t bit : {r, w, x}) {
        EXPECT_NE(E(bit).kind(), EntryKind::not_present) << bit;
    }
    EXPECT_EQ(E(~(r | w | x)).kind(), EntryKind::not_present) << "bit 10 grants nothing by itself";
    EXPECT_NE(E(user_x).kind({.mode_based_execute = true}), EntryKind::not_present);
    EXPECT_EQ(E(~(r | w | x | user_x)).kind({.mode_based_execute = true}), EntryKind::not_present);
}

TYPED_TEST(AnyEptEntry, AddressBitsAboveTheWidthAreMisconfigured) {
    using E = EptEntry<TypeParam::value>;
    const E entry(r | 0x000f'0000'0000'0000);
    EXPECT_EQ(entry.misconfigured_bits({.maxphyaddr = 52}), 0u);
    EXPECT_EQ(entry.misconfigured_bits({.maxphyaddr = 50}), 0x000c'0000'0000'0000u);
    EXPECT_EQ(entry.with_readable(false).misconfigured_bits({.maxphyaddr = 50}), 0u)
        << "not present, so never looked at";
}

TYPED_TEST(AnyEptEntry, WritingWithoutReadingIsMisconfigured) {
    using E = EptEntry<TypeParam::value>;
    EXPECT_EQ(E(w).misconfigured_bits({}), w);
    EXPECT_EQ(E(w | x).misconfigured_bits({}), w);
    EXPECT_EQ(E(w | x).misconfigured_bits({.execute_only = false}), w | x);
    EXPECT_EQ(E(r | w).misconfigured_bits({}), 0u);
}

TYPED_TEST(AnyEptEntry, ExecutingWithoutReadingNeedsTheCapability) {
    using E = EptEntry<TypeParam::value>;
    EXPECT_EQ(E(x).misconfigured_bits({.execute_only = true}), 0u);
    EXPECT_EQ(E(x).misconfigured_bits({.execute_only = false}), x);
    EXPECT_EQ(E(r | x).misconfigured_bits({.execute_only = false}), 0u);
    const EptFormat mode_based{.execute_only = false, .mode_based_execute = true};
    EXPECT_EQ(E(user_x).misconfigured_bits(mode_based), user_x);
    EXPECT_EQ(E(r | user_x).misconfigured_bits(mode_based), 0u);
    EXPECT_EQ(E(user_x).misconfigured_bits({.mode_based_execute = true}), 0u);
    EXPECT_EQ(E(x | user_x).misconfigured_bits({.execute_only = false}), x)
        << "bit 10 is ignored without mode-based execute control";
}

TYPED_TEST(AnyEptEntry, IgnoredBitsAreNoMisconfiguration) {
    using E = EptEntry<TypeParam::value>;
    const std::uint64_t ignored = 0xfff0'0000'0000'0f00;
    EXPECT_EQ(E(r | ignored).misconfigured_bits({}), 0u);
}

template <typename T>
class EptTableForm : public testing::Test {};
TYPED_TEST_SUITE(EptTableForm, TableLevels, LevelName);

TYPED_TEST(EptTableForm, HoldsTheTableAndWhatItGrants) {
    using E = EptEntry<TypeParam::value>;
    constexpr auto next = Frame4k::at<0x000f'edcb'a987'6000>();
    constexpr E open = E::table(next);
    static_assert(open.raw() == (0x000f'edcb'a987'6000 | r | w | x | user_x));
    static_assert(open.kind() == EntryKind::table && open.next_table() == next);
    static_assert(open.permission() == ept_all_granted);
    EXPECT_EQ(open.misconfigured_bits({.execute_only = false}), 0u);

    const E closed = E::table(next, EptPermission::read);
    EXPECT_EQ(closed.raw(), 0x000f'edcb'a987'6000 | r);
    EXPECT_FALSE(E::table(next, EptPermission::none).next_table());
    const E by_users = E::table(next, EptPermission::user_execute);
    EXPECT_FALSE(by_users.next_table());
    EXPECT_EQ(by_users.next_table({.mode_based_execute = true}), next);
    constexpr auto other = Frame4k::at<0x7000>();
    EXPECT_EQ(E(open.raw() | 1ull << 63).with_next_table(other).raw(),
              0x7000 | r | w | x | user_x | 1ull << 63);
}

TYPED_TEST(EptTableForm, ReservesMemoryTypeAndIgnorePat) {
    using E = EptEntry<TypeParam::value>;
    EXPECT_EQ(E(r | 0x78).misconfigured_bits({}), 0x78u);
}

TEST(EptTopLevels, HaveNoLargeForm) {
    for (const Level level : {Level::pml4, Level::pml5}) {
        EXPECT_EQ(ept_kind_of(level, r | ps, {}), EntryKind::malformed);
        EXPECT_EQ(ept_misconfigured_bits(level, r | ps, {}), ps);
    }
    EXPECT_FALSE(EptPml4e(r | ps).next_table());
}

template <typename T>
class EptLeafForm : public testing::Test {};
TYPED_TEST_SUITE(EptLeafForm, LeafLevels, LevelName);

TYPED_TEST(EptLeafForm, HoldsTheFrameAndTheFlags) {
    using E = EptEntry<TypeParam::value>;
    constexpr PageSize size = leaf_size_of(TypeParam::value);
    constexpr auto frame = Frame<size>::template at<0x000f'edcb'c000'0000>();
    constexpr auto flags =
        EptFlags(EptPermission::read | EptPermission::execute, EptMemoryType::write_through)
            .with_ignore_pat();
    constexpr E entry = E::leaf(frame, flags);
    static_assert(entry.raw() == (0x000f'edcb'c000'0000 | r | x | 4 << 3 | 1 << 6 |
                                  (size == PageSize::size_4k ? 0 : ps)));
    static_assert(entry.kind() == EntryKind::leaf && entry.leaf_frame() == frame);
    static_assert(entry.flags() == flags);
    static_assert(entry.memory_type() == EptMemoryType::write_through && entry.ignore_pat());
    EXPECT_EQ(entry.misconfigured_bits({}), 0u);
    EXPECT_FALSE(entry.with_permission(EptPermission::none).leaf_frame());
    EXPECT_EQ(E(1ull << 9).dirty(), true);
    EXPECT_EQ(entry.with_dirty(true).raw(), entry.raw() | 1ull << 9);
}

TYPED_TEST(EptLeafForm, FlagsKeepWhatIsNotTheirs) {
    using E = EptEntry<TypeParam::value>;
    constexpr PageSize size = leaf_size_of(TypeParam::value);
    std::mt19937_64 random(2);
    for (int i = 0; i < 1000; ++i) {
        const std::uint64_t raw = random();
        const std::uint64_t large = size == PageSize::size_4k ? 0 : ps;
        const E changed = E(raw).with_flags(EptFlags(EptPermission::read));
        EXPECT_EQ(changed.raw(), (raw & ~(0x47full | large)) | r | wb | large);
        EXPECT_EQ(E(raw).with_memory_type(EptMemoryType::write_combining).raw(),
                  (raw & ~0x38ull) | 1 << 3);
        EXPECT_EQ(E(raw).with_ignore_pat(true).raw(), raw | 1 << 6);
    }
}

TYPED_TEST(EptLeafForm, ReservedMemoryTypesAreMisconfigured) {
    using E = EptEntry<TypeParam::value>;
    const std::uint64_t large = TypeParam::value == Level::pt ? 0 : ps;
    for (const std::uint64_t type : {0u, 1u, 4u, 5u, 6u}) {
        EXPECT_EQ(E(r | large | type << 3).misconfigured_bits({}), 0u) << type;
    }
    for (const std::uint64_t type : {2u, 3u, 7u}) {
        EXPECT_EQ(E(r | large | type << 3).misconfigured_bits({}), type << 3) << type;
    }
}

TEST(EptLargeLeaf, ReservesTheBitsBelowItsFrame) {
    EXPECT_EQ(EptPde(r | ps | 0x3f'f000).misconfigured_bits({}), 0x1f'f000u) << "no PAT bit at 12";
    EXPECT_EQ(EptPdpte(r | ps | 0x7fff'f000).misconfigured_bits({}), 0x3fff'f000u);
    EXPECT_EQ(EptPte(r | 0x7fff'f000).misconfigured_bits({}), 0u);
}

TEST(EptLargeLeaf, NeedsTheCapability) {
    EXPECT_EQ(EptPde(r | ps).misconfigured_bits({.pages_2m = false}), ps);
    EXPECT_EQ(EptPde(r | ps).misconfigured_bits({.pages_1g = false}), 0u);
    EXPECT_EQ(EptPdpte(r | ps).misconfigured_bits({.pages_1g = false}), ps);
    EXPECT_EQ(EptPdpte(r | ps).misconfigured_bits({.pages_2m = false}), 0u);
    EXPECT_EQ(EptPte(r | ps).misconfigured_bits({.pages_2m = false, .pages_1g = false}), 0u)
        << "bit 7 is ignored in a PT";
    EXPECT_TRUE(EptPde(ps).large());
    EXPECT_FALSE(EptPdpte(~ps).large());
}

TEST(EptFlags, ChangeOneThingAtATime) {
    constexpr EptFlags flags(EptPermission::read | EptPermission::user_execute,
                             EptMemoryType::uncacheable);
    static_assert(flags.permission() == (EptPermission::read | EptPermission::user_execute));
    static_assert(!flags.ignore_pat());
    const EptFlags changed = flags.with_memory_type(EptMemoryType::write_protected)
                                 .with_permission(EptPermission::write)
                                 .with_ignore_pat();
    EXPECT_EQ(changed.to_leaf(PageSize::size_4k), w | 5 << 3 | 1 << 6);
    EXPECT_EQ(changed.to_leaf(PageSize::size_2m), w | 5 << 3 | 1 << 6 | ps);
    EXPECT_EQ(changed.with_ignore_pat(false).ignore_pat(), false);
    EXPECT_EQ(EptFlags(EptPermission::none).memory_type(), EptMemoryType::write_back);
}

TEST(EptPointer, SaysWhereTheRootIsAndHowToWalk) {
    constexpr auto root = Frame4k::at<0x000f'edcb'a987'6000>();
    constexpr EptPointer four(root);
    static_assert(four.raw() == (0x000f'edcb'a987'6000 | 3 << 3 | 6));
    static_assert(four.root() == root && four.walk_length() == EptWalkLength::four);
    static_assert(four.root_level() == Level::pml4 && !four.accessed_dirty());
    constexpr EptPointer five = EptPointer(root, EptWalkLength::five).with_accessed_dirty();
    static_assert(five.raw() == (0x000f'edcb'a987'6000 | 1 << 6 | 4 << 3 | 6));
    static_assert(five.root_level() == Level::pml5 && five.accessed_dirty());
    EXPECT_EQ(five.with_accessed_dirty(false).raw(), 0x000f'edcb'a987'6000u | 4 << 3 | 6);
    EXPECT_EQ(four.with_memory_type(EptMemoryType::uncacheable)->raw(),
              0x000f'edcb'a987'6000u | 3 << 3);
    EXPECT_EQ(four.memory_type(), EptMemoryType::write_back);
    EXPECT_FALSE(four.with_memory_type(EptMemoryType::write_through));
}

TEST(EptPointer, IsRefusedWhereVmEntryWouldRefuseIt) {
    EXPECT_EQ(EptPointer::from(0x1000 | 1 << 6 | 4 << 3 | 0)->raw(), 0x1000u | 1 << 6 | 4 << 3);
    const auto refused = [](std::uint64_t raw) {
        const Result<EptPointer> pointer = EptPointer::from(raw);
        return !pointer && pointer.error().kind == ErrorKind::malformed;
    };
    for (const std::uint64_t type : {1u, 2u, 3u, 4u, 5u, 7u}) {
        EXPECT_TRUE(refused(0x1000 | 3 << 3 | type)) << type;
    }
    for (const std::uint64_t length : {0u, 1u, 2u, 5u, 6u, 7u}) {
        EXPECT_TRUE(refused(0x1000 | length << 3 | 6)) << length;
    }
    for (int bit = 8; bit < 12; ++bit) {
        EXPECT_TRUE(refused(0x1000 | 3 << 3 | 6 | 1u << bit)) << bit;
    }
    EXPECT_TRUE(refused(0x1000 | 3 << 3 | 6 | 1ull << 52));
}

}  // namespace
}  // namespace nestbed::paging::test
