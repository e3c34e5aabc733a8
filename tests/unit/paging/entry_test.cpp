#include "shared/paging/entry.hpp"

#include <gtest/gtest.h>

#include <random>

#include "shared/paging/table.hpp"
#include "typed.hpp"

namespace nestbed::paging::test {
namespace {

constexpr Permission all_granted =
    Permission::read | Permission::write | Permission::user | Permission::execute;

Permission permission_number(std::size_t number) { return static_cast<Permission>(number); }

// A misuse that the types catch: none of these may compile.
template <Level L>
concept HasLeafForm = requires(Entry<L> entry) {
    entry.leaf_frame();
};
template <Level L>
concept HasTableForm = requires(Entry<L> entry) {
    entry.next_table();
};
template <Level L, PageSize Size>
concept MapsSize = requires(Frame<Size> frame) {
    Entry<L>::leaf(frame, Flags(all_granted));
};
static_assert(!HasLeafForm<Level::pml4> && !HasLeafForm<Level::pml5>);
static_assert(!HasTableForm<Level::pt>);
static_assert(MapsSize<Level::pdpt, PageSize::size_1g>);
static_assert(!MapsSize<Level::pd, PageSize::size_1g>, "a 1 GiB leaf belongs in a PDPT");
static_assert(!MapsSize<Level::pt, PageSize::size_2m>);
static_assert(!MapsSize<Level::pml4, PageSize::size_1g>, "PS is reserved in a PML4 entry");

template <typename T>
class AnyEntry : public testing::Test {};
TYPED_TEST_SUITE(AnyEntry, AllLevels, LevelName);

TYPED_TEST(AnyEntry, IsZeroAndNotPresentAtFirst) {
    const Entry<TypeParam::value> entry;
    EXPECT_EQ(entry.raw(), 0u);
    EXPECT_EQ(entry.kind(), EntryKind::not_present);
}

TYPED_TEST(AnyEntry, NamedBitsAreWhereTheManualHasThem) {
    using E = Entry<TypeParam::value>;
    EXPECT_TRUE(E(1ull << 0).present());
    EXPECT_TRUE(E(1ull << 1).writable());
    EXPECT_TRUE(E(1ull << 2).user());
    EXPECT_TRUE(E(1ull << 3).write_through());
    EXPECT_TRUE(E(1ull << 4).cache_disable());
    EXPECT_TRUE(E(1ull << 5).accessed());
    EXPECT_EQ(E(7ull << 9).available_low(), 7u);
    EXPECT_TRUE(E(1ull << 11).hlat_restart());
    EXPECT_EQ(E(127ull << 52).available_high(), 127u);
    EXPECT_TRUE(E(1ull << 63).no_execute());
}

TYPED_TEST(AnyEntry, SettersChangeTheirBitOnly) {
    using E = Entry<TypeParam::value>;
    std::mt19937_64 random(1);
    for (int i = 0; i < 1000; ++i) {
        const std::uint64_t raw = random();
        const E entry(raw);
        const auto changes_only = [&](std::uint64_t mask, auto set) {
            EXPECT_EQ(set(true).raw(), raw | mask);
            EXPECT_EQ(set(false).raw(), raw & ~mask);
        };
        changes_only(1ull << 0, [&](bool on) { return entry.with_present(on); });
        changes_only(1ull << 1, [&](bool on) { return entry.with_writable(on); });
        changes_only(1ull << 2, [&](bool on) { return entry.with_user(on); });
        changes_only(1ull << 3, [&](bool on) { return entry.with_write_through(on); });
        changes_only(1ull << 4, [&](bool on) { return entry.with_cache_disable(on); });
        changes_only(1ull << 5, [&](bool on) { return entry.with_accessed(on); });
        changes_only(1ull << 11, [&](bool on) { return entry.with_hlat_restart(on); });
        changes_only(1ull << 63, [&](bool on) { return entry.with_no_execute(on); });
        EXPECT_EQ(entry.with_available_low(5)->raw(), (raw & ~0xe00ull) | 0xa00);
        EXPECT_EQ(entry.with_available_high(77)->raw(), (raw & ~(127ull << 52)) | (77ull << 52));
    }
}

TYPED_TEST(AnyEntry, AvailableFieldsRefuseWhatDoesNotFit) {
    const Entry<TypeParam::value> entry;
    EXPECT_FALSE(entry.with_available_low(8));
    EXPECT_FALSE(entry.with_available_high(128));
}

TYPED_TEST(AnyEntry, ReservedBitsFollowTheFormat) {
    using E = Entry<TypeParam::value>;
    constexpr EntryFormat narrow{.maxphyaddr = 40};
    EXPECT_EQ(E(0x1 | (1ull << 40) | (1ull << 51)).reserved_bits_set(narrow),
              (1ull << 40) | (1ull << 51));
    EXPECT_EQ(E(0x1 | (1ull << 39)).reserved_bits_set(narrow), 0u);
    EXPECT_EQ(E(0x0 | (1ull << 40)).reserved_bits_set(narrow), 0u) << "ignored if not present";
    EXPECT_EQ(E(0x1 | (1ull << 63)).reserved_bits_set(EntryFormat{.nxe = false}), 1ull << 63);
    EXPECT_EQ(E(0x1 | (1ull << 63)).reserved_bits_set(EntryFormat{}), 0u);
    const bool above_pdpt = TypeParam::value > Level::pdpt;
    EXPECT_EQ(E(0x1 | (1ull << 7)).reserved_bits_set(EntryFormat{}), above_pdpt ? 1ull << 7 : 0);
    EXPECT_EQ(E(0x1 | (1ull << 8)).reserved_bits_set(EntryFormat{}), 0u);
    EXPECT_EQ(E(0x1 | (1ull << 8)).reserved_bits_set(EntryFormat{.root_global_reserved = true}),
              above_pdpt ? 1ull << 8 : 0);
}

TEST(PdptEntry, LargeIsReservedWhereThereAreNo1GPages) {
    EXPECT_EQ(Pdpte(0x81).reserved_bits_set(EntryFormat{.pages_1g = false}), 0x80u);
    EXPECT_EQ(Pdpte(0x81).reserved_bits_set(EntryFormat{.pages_1g = true}), 0u);
    EXPECT_EQ(Pde(0x81).reserved_bits_set(EntryFormat{.pages_1g = false}), 0u);
}

template <typename T>
class TableEntry : public testing::Test {};
TYPED_TEST_SUITE(TableEntry, TableLevels, LevelName);

TYPED_TEST(TableEntry, RoundTripsItsTable) {
    using E = Entry<TypeParam::value>;
    constexpr auto table = Frame4k::at<0x000f'ffff'ffff'f000>();
    const E entry = E::table(table);
    EXPECT_EQ(entry.kind(), EntryKind::table);
    EXPECT_EQ(entry.next_table(), table);
    EXPECT_EQ(entry.permission(), all_granted) << "the leaves decide";
    EXPECT_EQ(entry.reserved_bits_set(EntryFormat{}), 0u);
    constexpr auto other = Frame4k::at<0x1000>();
    const E moved = E(entry.raw() | 0xe00 | (1ull << 52)).with_next_table(other);
    EXPECT_EQ(moved.next_table(), other);
    EXPECT_EQ(moved.available_low(), 7u);
    EXPECT_EQ(moved.available_high(), 1u);
}

TYPED_TEST(TableEntry, TakesEveryPermission) {
    using E = Entry<TypeParam::value>;
    for (std::size_t i = 0; i < permission_count; ++i) {
        const E entry = E::table(Frame4k::at<0x5000>(), permission_number(i));
        EXPECT_EQ(entry.permission(), permission_number(i));
        EXPECT_EQ(entry.present(), contains(permission_number(i), Permission::read));
    }
}

TYPED_TEST(TableEntry, IgnoredBitsAreNotPartOfTheAddress) {
    using E = Entry<TypeParam::value>;
    const E entry(0x7ff0'0000'1234'5f61 & ~0x80ull);
    EXPECT_EQ(entry.next_table(), Frame4k::at<0x1234'5000>());
}

TYPED_TEST(TableEntry, WithPsIsNoTable) {
    using E = Entry<TypeParam::value>;
    const E entry(E::table(Frame4k::at<0x20'0000>()).raw() | 0x80);
    EXPECT_EQ(entry.next_table(), std::nullopt);
    EXPECT_EQ(entry.kind(),
              TypeParam::value > Level::pdpt ? EntryKind::malformed : EntryKind::leaf);
}

template <typename T>
class LeafEntry : public testing::Test {
  public:
    static constexpr Level level = T::value;
    static constexpr PageSize size = leaf_size_of(level);
    using LeafOfLevel = Entry<level>;
    using F = Frame<size>;
    static constexpr std::uint64_t address = 0x000a'5555'c000'0000;
    static constexpr F frame() { return F::template at<address>(); }
    static constexpr Flags flags() { return Flags(Permission::read | Permission::write); }
};
TYPED_TEST_SUITE(LeafEntry, LeafLevels, LevelName);

TYPED_TEST(LeafEntry, RoundTripsFrameAndEveryFlag) {
    using E = typename TestFixture::LeafOfLevel;
    for (std::size_t i = 0; i < permission_count; ++i) {
        for (unsigned bits = 0; bits < 16; ++bits) {
            for (const unsigned key : {0u, 1u, 15u}) {
                const Flags flags = *Flags(permission_number(i))
                                         .with_write_through((bits & 1) != 0)
                                         .with_cache_disable((bits & 2) != 0)
                                         .with_pat((bits & 4) != 0)
                                         .with_global((bits & 8) != 0)
                                         .with_protection_key(key);
                const E entry = E::leaf(TestFixture::frame(), flags);
                EXPECT_EQ(entry.flags(), flags);
                EXPECT_EQ(flags.permission(), permission_number(i));
                EXPECT_EQ(flags.pat_index(), bits & 7);
                EXPECT_EQ(flags.protection_key(), key);
                EXPECT_EQ(entry.reserved_bits_set(EntryFormat{}), 0u);
                if (flags.permission() == (flags.permission() | Permission::read)) {
                    EXPECT_EQ(entry.kind(), EntryKind::leaf);
                    EXPECT_EQ(entry.leaf_frame(), TestFixture::frame());
                } else {
                    EXPECT_EQ(entry.kind(), EntryKind::not_present);
                    EXPECT_EQ(entry.leaf_frame(), std::nullopt);
                }
            }
        }
    }
}

// Trap: a 2 MiB leaf decoded with a 4 KiB address mask takes its PAT bit (12) for an address bit.
TYPED_TEST(LeafEntry, PatIsNotPartOfTheAddress) {
    using E = typename TestFixture::LeafOfLevel;
    const E entry = E::leaf(TestFixture::frame(), TestFixture::flags().with_pat());
    const unsigned pat_bit = TestFixture::level == Level::pt ? 7 : 12;
    EXPECT_EQ((entry.raw() >> pat_bit) & 1, 1u);
    EXPECT_EQ(entry.leaf_frame(), TestFixture::frame());
    EXPECT_TRUE(entry.flags().pat());
    EXPECT_FALSE(entry.with_flags(TestFixture::flags()).flags().pat());
    EXPECT_EQ(entry.with_flags(TestFixture::flags()).raw(),
              E::leaf(TestFixture::frame(), TestFixture::flags()).raw());
}

// Trap: setting the flags of an entry that is not present drops its address.
TYPED_TEST(LeafEntry, FlagsKeepTheAddressOfAnEntryThatIsNotPresent) {
    using E = typename TestFixture::LeafOfLevel;
    const E hidden = E::leaf(TestFixture::frame(), TestFixture::flags()).with_present(false);
    const E again = hidden.with_flags(Flags(Permission::read));
    EXPECT_EQ(again.leaf_frame(), TestFixture::frame());
    const E dropped = again.with_flags(Flags(Permission::none));
    EXPECT_FALSE(dropped.present());
    EXPECT_EQ(dropped.with_present(true).leaf_frame(), TestFixture::frame());
}

TYPED_TEST(LeafEntry, FlagsKeepAccessedDirtyAndAvailableBits) {
    using E = typename TestFixture::LeafOfLevel;
    E entry = E::leaf(TestFixture::frame(), TestFixture::flags().with_pat().with_global());
    entry = entry.with_accessed(true).with_dirty(true);
    entry = *entry.with_available_low(5);
    entry = *entry.with_available_high(99);
    const E changed = entry.with_flags(Flags(Permission::read | Permission::user));
    EXPECT_EQ(changed.flags(), Flags(Permission::read | Permission::user));
    EXPECT_TRUE(changed.accessed());
    EXPECT_TRUE(changed.dirty());
    EXPECT_EQ(changed.available_low(), 5u);
    EXPECT_EQ(changed.available_high(), 99u);
    EXPECT_EQ(changed.leaf_frame(), TestFixture::frame());
}

TYPED_TEST(LeafEntry, AnotherFrameKeepsAllElse) {
    using E = typename TestFixture::LeafOfLevel;
    constexpr auto other = TestFixture::F::template at<0x4000'0000>();
    const std::uint64_t rest =
        0x7ff0'0000'0000'0e7f |
        (TestFixture::LeafOfLevel::leaf(TestFixture::frame(), TestFixture::flags().with_pat())
             .raw() &
         0x1080);
    const E entry(TestFixture::address | rest);
    EXPECT_EQ(entry.with_leaf_frame(other).raw(), other.address().raw() | rest);
}

template <typename T>
class LargeLeaf : public testing::Test {};
TYPED_TEST_SUITE(LargeLeaf, LargeLeafLevels, LevelName);

TYPED_TEST(LargeLeaf, BitsBelowTheFrameAreReservedAndNeverTheAddress) {
    constexpr Level level = TypeParam::value;
    using E = Entry<level>;
    constexpr auto frame = Frame<leaf_size_of(level)>::template at<0x8000'0000>();
    const E good = E::leaf(frame, Flags(Permission::read));
    for (unsigned bit = 13; bit < index_shift_of(level); ++bit) {
        const E bad(good.raw() | (1ull << bit));
        EXPECT_EQ(bad.reserved_bits_set(EntryFormat{}), 1ull << bit);
        EXPECT_EQ(bad.leaf_frame(), frame);
    }
    EXPECT_TRUE(good.large());
    const E table = E::table(Frame4k::at<0x7'f000>());
    EXPECT_FALSE(table.large());
    EXPECT_EQ(table.reserved_bits_set(EntryFormat{}), 0u) << "address bits in the table form";
}

TEST(Flags, ProtectionKeyAbove15IsRefused) {
    EXPECT_FALSE(Flags(Permission::read).with_protection_key(16));
}

template <typename T>
class TableOf : public testing::Test {};
TYPED_TEST_SUITE(TableOf, AllLevels, LevelName);

TYPED_TEST(TableOf, HoldsEntriesByIndex) {
    constexpr Level level = TypeParam::value;
    static constexpr Table<level> zero;
    static_assert(zero.get(TableIndex<level>::template at<511>()).raw() == 0);
    Table<level> table;
    const VirtAddr address(std::uint64_t{300} << index_shift_of(level));
    table.set(Table<level>::index_of(address), Entry<level>(0x1001));
    EXPECT_EQ(table.get(TableIndex<level>::template at<300>()).raw(), 0x1001u);
    EXPECT_EQ(table.data()[300], 0x1001u);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&table) % 4096, 0u);
}

TYPED_TEST(TableOf, HandsBackWhatItReplaces) {
    constexpr Level level = TypeParam::value;
    Table<level> table;
    constexpr auto index = TableIndex<level>::template at<7>();
    table.set(index, Entry<level>(0x1001));
    EXPECT_EQ(table.exchange(index, Entry<level>(0x2003)).raw(), 0x1001u);
    EXPECT_EQ(table.get(index).raw(), 0x2003u);
    EXPECT_EQ(table.clear(index).address(), PhysAddr(0x2000));
    EXPECT_EQ(table.get(index).raw(), 0u);
    EXPECT_EQ(table.clear(index).address(), std::nullopt);
}

}  // namespace
}  // namespace nestbed::paging::test
