#include "shared/paging/entry_flags.hpp"

#include <gtest/gtest.h>

#include <random>
#include <type_traits>

#include "shared/paging/entry.hpp"
#include "typed.hpp"

namespace nestbed::paging::test {
namespace {

// What a level does not have has no name there: none of these may compile.
template <Level L>
concept HasPageSize = requires {
    EntryFlags<L>::page_size();
};
template <Level L>
concept HasLeafFlags = requires {
    EntryFlags<L>::dirty();
    EntryFlags<L>::global();
    EntryFlags<L>::protection_key();
    EntryFlags<L>::pat();
    EntryFlags<L>::ignored_in_leaf();
};
template <Level L>
concept HasAnyLeafFlag = requires {
    EntryFlags<L>::dirty();
}
|| requires { EntryFlags<L>::global(); }
|| requires { EntryFlags<L>::protection_key(); }
|| requires { EntryFlags<L>::pat(); }
|| std::is_constructible_v<EntryFlags<L>, Flags>;
template <Level L>
concept HasIgnoredInTable = requires {
    EntryFlags<L>::ignored_in_table();
};
static_assert(HasPageSize<Level::pd> && HasPageSize<Level::pdpt>);
static_assert(!HasPageSize<Level::pt>, "bit 7 is PAT there");
static_assert(!HasPageSize<Level::pml4> && !HasPageSize<Level::pml5>, "PS is reserved there");
static_assert(HasLeafFlags<Level::pt> && HasLeafFlags<Level::pd> && HasLeafFlags<Level::pdpt>);
static_assert(!HasAnyLeafFlag<Level::pml4> && !HasAnyLeafFlag<Level::pml5>);
static_assert(!HasIgnoredInTable<Level::pt> && HasIgnoredInTable<Level::pml4>);
static_assert(!std::is_convertible_v<EntryFlags<Level::pd>, EntryFlags<Level::pt>>);

constexpr std::uint64_t address_bits = 0x000f'ffff'ffff'f000;

/// Bits 7 and 12 as the tables of the manual have them, written again.
constexpr std::uint64_t flag_bits(Level level) {
    constexpr std::uint64_t always = 0xfff0'0000'0000'0f7f;
    switch (level) {
        case Level::pt:
            return always | 0x80;
        case Level::pd:
        case Level::pdpt:
            return always | 0x1080;
        default:
            return always;
    }
}

template <typename T>
class EntryFlagsOf : public testing::Test {};
TYPED_TEST_SUITE(EntryFlagsOf, AllLevels, LevelName);

TYPED_TEST(EntryFlagsOf, NamesAreTheBitsOfTheManual) {
    using F = EntryFlags<TypeParam::value>;
    EXPECT_EQ(F().bits(), 0u);
    EXPECT_TRUE(F().empty());
    EXPECT_EQ(F::present().bits(), 1ull << 0);
    EXPECT_EQ(F::writable().bits(), 1ull << 1);
    EXPECT_EQ(F::user().bits(), 1ull << 2);
    EXPECT_EQ(F::write_through().bits(), 1ull << 3);
    EXPECT_EQ(F::cache_disable().bits(), 1ull << 4);
    EXPECT_EQ(F::accessed().bits(), 1ull << 5);
    EXPECT_EQ(F::available_low().bits(), 7ull << 9);
    EXPECT_EQ(F::hlat_restart().bits(), 1ull << 11);
    EXPECT_EQ(F::available_high().bits(), 0x7full << 52);
    EXPECT_EQ(F::no_execute().bits(), 1ull << 63);
    EXPECT_EQ(F::mask, flag_bits(TypeParam::value));
}

TYPED_TEST(EntryFlagsOf, AreASet) {
    using F = EntryFlags<TypeParam::value>;
    constexpr F both = F::present() | F::user();
    static_assert(both.bits() == 5);
    static_assert((both & F::user()) == F::user());
    static_assert(both.without(F::user() | F::writable()) == F::present());
    static_assert(both.contains(F::user()) && both.contains(F()) && both.contains(both));
    static_assert(!both.contains(F::user() | F::writable()), "one of the two is not all");
    static_assert(!both.empty() && both != F::user());
}

TYPED_TEST(EntryFlagsOf, FromRefusesEveryBitThatIsNoFlag) {
    using F = EntryFlags<TypeParam::value>;
    for (unsigned bit = 0; bit < 64; ++bit) {
        const std::uint64_t raw = 1ull << bit;
        const auto flags = F::from(raw);
        ASSERT_EQ(flags.has_value(), (raw & flag_bits(TypeParam::value)) != 0) << bit;
        if (flags) {
            EXPECT_EQ(flags->bits(), raw);
        } else {
            EXPECT_EQ(flags.error(), (Error{.kind = ErrorKind::malformed, .level = F::level}));
        }
    }
}

/// A raw entry with no reserved bit set, of a random form.
template <Level L>
std::uint64_t random_entry(std::mt19937_64& random) {
    std::uint64_t raw = random();
    if (!can_be_leaf(L)) {
        raw &= ~0x80ull;
    }
    if (L != Level::pt && (raw & 0x80) != 0) {
        raw &= ~(((1ull << index_shift_of(L)) - 1) & ~0x1fffull);
    }
    return raw;
}

TYPED_TEST(EntryFlagsOf, AnEntryIsItsAddressAndItsFlags) {
    using E = Entry<TypeParam::value>;
    std::mt19937_64 random(2);
    for (int i = 0; i < 1000; ++i) {
        const E entry(random_entry<TypeParam::value>(random));
        const std::uint64_t address = E(entry.raw() | 1).address()->raw();
        EXPECT_EQ(entry.entry_flags().bits() | address, entry.raw());
        EXPECT_EQ(entry.entry_flags().bits() & address, 0u);
        EXPECT_EQ(*entry.with_entry_flags(entry.entry_flags()), entry);
        EXPECT_EQ(*E::from(PhysAddr(address), entry.entry_flags()), entry);
    }
}

// Trap: new flags for an entry that is not present drop its address.
TYPED_TEST(EntryFlagsOf, NewFlagsKeepTheAddressOfAnEntryThatIsNotPresent) {
    using F = EntryFlags<TypeParam::value>;
    using E = Entry<TypeParam::value>;
    constexpr std::uint64_t address = 0x000a'5555'c000'0000;
    const E shown = *E(address | 0xe02).with_entry_flags(F::present() | F::no_execute());
    EXPECT_EQ(shown.raw(), address | 1 | (1ull << 63)) << "exactly these flags";
    EXPECT_EQ(shown.with_entry_flags(F())->raw(), address);
    EXPECT_EQ(shown.with_entry_flags(F())->with_entry_flags(F::present())->address(),
              PhysAddr(address));
}

TYPED_TEST(EntryFlagsOf, OneFlagCanBeChangedAndTheIgnoredOnesStay) {
    using F = EntryFlags<TypeParam::value>;
    using E = Entry<TypeParam::value>;
    std::mt19937_64 random(3);
    for (int i = 0; i < 100; ++i) {
        const E entry(random_entry<TypeParam::value>(random));
        const auto flags = entry.entry_flags();
        EXPECT_EQ(*entry.with_entry_flags(flags | F::writable()), entry.with_writable(true));
        EXPECT_EQ(*entry.with_entry_flags(flags.without(F::user())), entry.with_user(false));
    }
}

TYPED_TEST(EntryFlagsOf, AddressIsOfPresentEntriesOnly) {
    using E = Entry<TypeParam::value>;
    constexpr std::uint64_t address = 0x0008'0000'4000'0000;
    EXPECT_EQ(E(address | 1).address(), PhysAddr(address));
    EXPECT_EQ(E(address | 1 | ~(address_bits | 0x80)).address(), PhysAddr(address));
    EXPECT_EQ(E(address | 2).address(), std::nullopt);
}

TYPED_TEST(EntryFlagsOf, WithAddressKeepsTheFlagsAndMakesPresent) {
    using E = Entry<TypeParam::value>;
    std::mt19937_64 random(4);
    constexpr PhysAddr address(0x0009'8765'c000'0000);
    for (int i = 0; i < 1000; ++i) {
        const E entry(random_entry<TypeParam::value>(random));
        const E moved = *entry.with_address(address);
        EXPECT_EQ(moved.entry_flags(), entry.with_present(true).entry_flags());
        EXPECT_EQ(moved.address(), address);
    }
}

TYPED_TEST(EntryFlagsOf, AddressesThatDoNotFitAreRefused) {
    using F = EntryFlags<TypeParam::value>;
    using E = Entry<TypeParam::value>;
    const auto refused = [](std::uint64_t address, ErrorKind kind) {
        const Error expected{.kind = kind, .level = TypeParam::value, .phys = PhysAddr(address)};
        EXPECT_EQ(E(0x7).with_address(PhysAddr(address)).error(), expected);
        EXPECT_EQ(E::from(PhysAddr(address), F::present()).error(), expected);
    };
    for (unsigned bit = 0; bit < 12; ++bit) {
        refused(0x4000'0000 | 1ull << bit, ErrorKind::unaligned);
    }
    for (unsigned bit = 52; bit < 64; ++bit) {
        refused(0x4000'0000 | 1ull << bit, ErrorKind::out_of_range);
    }
    refused(1ull << 52 | 0x10, ErrorKind::unaligned);
    EXPECT_EQ(E(0x7).with_address(PhysAddr(address_bits))->raw(), address_bits | 0x7);
    EXPECT_EQ(E::from(PhysAddr(address_bits), F())->raw(), address_bits) << "not made present";
}

template <typename T>
class LeafEntryFlags : public testing::Test {};
TYPED_TEST_SUITE(LeafEntryFlags, LeafLevels, LevelName);

TYPED_TEST(LeafEntryFlags, HaveTheBitsOfALeaf) {
    using F = EntryFlags<TypeParam::value>;
    EXPECT_EQ(F::dirty().bits(), 1ull << 6);
    EXPECT_EQ(F::global().bits(), 1ull << 8);
    EXPECT_EQ(F::protection_key().bits(), 15ull << 59);
    EXPECT_EQ(F::pat().bits(), TypeParam::value == Level::pt ? 1ull << 7 : 1ull << 12);
    EXPECT_EQ(F::ignored_in_leaf().bits(), 0x7full << 52 | 7ull << 9);
}

TYPED_TEST(LeafEntryFlags, TakeTheFlagsOfAPage) {
    constexpr PageSize size = leaf_size_of(TypeParam::value);
    using F = EntryFlags<TypeParam::value>;
    using E = Entry<TypeParam::value>;
    const Flags page =
        *Flags(Permission::read | Permission::user).with_pat().with_global().with_protection_key(9);
    constexpr auto frame = Frame<size>::template at<0x4000'0000>();
    EXPECT_EQ(*E::from(frame.address(), F(page)), E::leaf(frame, page));
    EXPECT_EQ(E::from(frame.address(), F(page) | F::accessed())->flags(), page);
}

template <typename T>
class TableEntryFlags : public testing::Test {};
TYPED_TEST_SUITE(TableEntryFlags, TableLevels, LevelName);

TYPED_TEST(TableEntryFlags, NameWhatATableEntryIgnores) {
    EXPECT_EQ(EntryFlags<TypeParam::value>::ignored_in_table().bits(),
              0x7ffull << 52 | 0xf00 | 0x40);
}

TYPED_TEST(TableEntryFlags, MakeATableEntry) {
    using F = EntryFlags<TypeParam::value>;
    using E = Entry<TypeParam::value>;
    const E entry = *E::from(PhysAddr(0x1234'5000), F::present() | F::writable());
    EXPECT_EQ(entry.kind(), EntryKind::table);
    EXPECT_EQ(entry.next_table(), Frame4k::at<0x1234'5000>());
    EXPECT_TRUE(entry.writable());
    EXPECT_FALSE(entry.user());
}

template <typename T>
class LargeLeafFlags : public testing::Test {};
TYPED_TEST_SUITE(LargeLeafFlags, LargeLeafLevels, LevelName);

TYPED_TEST(LargeLeafFlags, APsThatTheAddressDoesNotFitIsRefused) {
    constexpr Level level = TypeParam::value;
    using F = EntryFlags<level>;
    using E = Entry<level>;
    for (unsigned bit = 12; bit < index_shift_of(level); ++bit) {
        const PhysAddr address(0x4000'0000 | 1ull << bit);
        const E table(address.raw() | 1);
        const Error expected{.kind = ErrorKind::unaligned, .level = level, .phys = address};
        EXPECT_EQ(table.with_entry_flags(F::present() | F::page_size()).error(), expected);
        EXPECT_EQ(E::from(address, F::present() | F::page_size()).error(), expected);
        EXPECT_EQ(E(0x4000'0081).with_address(address).error(), expected);
    }
    const E fits(0x4000'0001);
    EXPECT_EQ(fits.with_entry_flags(F::present() | F::page_size())->raw(), 0x4000'0081u);
    EXPECT_EQ(E(0x4000'1081).with_entry_flags(F::present())->raw(), 0x4000'0001u);
}

TYPED_TEST(LargeLeafFlags, PatIsAFlagInTheLeafFormAndTheAddressInTheOther) {
    constexpr Level level = TypeParam::value;
    using F = EntryFlags<level>;
    using E = Entry<level>;
    EXPECT_EQ(E(0x4000'1081).entry_flags(), F::present() | F::page_size() | F::pat());
    EXPECT_EQ(E(0x4000'1081).address(), PhysAddr(0x4000'0000));
    EXPECT_EQ(E(0x4000'1001).entry_flags(), F::present());
    EXPECT_EQ(E(0x4000'1001).address(), PhysAddr(0x4000'1000));
    const auto without_ps = E(0x4000'0001).with_entry_flags(F::present() | F::pat());
    EXPECT_EQ(without_ps.error().kind, ErrorKind::malformed);
    EXPECT_EQ(E::from(PhysAddr(0x1000), F::pat()).error().kind, ErrorKind::malformed);
}

TYPED_TEST(LargeLeafFlags, ReservedBitsBecomeNeitherAddressNorFlags) {
    constexpr Level level = TypeParam::value;
    using F = EntryFlags<level>;
    using E = Entry<level>;
    for (unsigned bit = 13; bit < index_shift_of(level); ++bit) {
        const E bad(0x4000'0081 | 1ull << bit);
        EXPECT_EQ(bad.address(), PhysAddr(0x4000'0000));
        EXPECT_EQ(bad.with_entry_flags(F::present()).error().kind, ErrorKind::malformed);
        EXPECT_EQ(bad.with_address(PhysAddr(0)).error().kind, ErrorKind::malformed);
    }
}

template <typename T>
class RootEntryFlags : public testing::Test {};
using RootLevels = testing::Types<LevelConstant<Level::pml4>, LevelConstant<Level::pml5>>;
TYPED_TEST_SUITE(RootEntryFlags, RootLevels, LevelName);

TYPED_TEST(RootEntryFlags, RefusePs) {
    constexpr Level level = TypeParam::value;
    using F = EntryFlags<level>;
    using E = Entry<level>;
    EXPECT_EQ(F::from(0x81).error(), (Error{.kind = ErrorKind::malformed, .level = level}));
    const E bad(0x5081);
    EXPECT_EQ(bad.address(), std::nullopt);
    EXPECT_EQ(bad.entry_flags(), F::present());
    EXPECT_EQ(bad.with_entry_flags(F::present()).error().kind, ErrorKind::malformed);
    EXPECT_EQ(bad.with_address(PhysAddr(0x6000)).error().kind, ErrorKind::malformed);
    EXPECT_EQ(E(0x5080).with_entry_flags(F::present()).error().kind, ErrorKind::malformed);
}

}  // namespace
}  // namespace nestbed::paging::test
