#include "shared/paging/walk2d.hpp"

#include <gtest/gtest.h>

#include "two_stages.hpp"

namespace nestbed::paging::test {
namespace {

/// The entries read in all by a walk that translates; 0 for one that does not.
template <typename Stages>
constexpr std::size_t total(Shape shape) {
    Stages stages(shape);
    const auto result = stages.walk();
    const bool translated =
        result.outcome == Walk2dOutcome::translated &&
        result.address ==
            PhysAddr(OverEpt::host_page + (linear & offset_mask_of(shape.guest_page))) &&
        stages.reads() == result.references.total();
    return translated ? result.references.total() : 0;
}

// Two trees are built and walked while compiling.
constexpr auto four_k = PageSize::size_4k;
constexpr auto two_m = PageSize::size_2m;
constexpr auto one_g = PageSize::size_1g;
constexpr auto four = Level::pml4;
constexpr auto five = Level::pml5;
static_assert(total<OverEpt>({}) == 24);
static_assert(total<OverEpt>({five, four_k, five, four_k}) == 35);
static_assert(total<OverEpt>({five, four_k, four, four_k}) == 29);
static_assert(total<OverEpt>({four, four_k, five, four_k}) == 29);
static_assert(total<OverEpt>({four, two_m, four, four_k}) == 19);
static_assert(total<OverEpt>({four, two_m, four, two_m}) == 15);
static_assert(total<OverEpt>({four, four_k, four, two_m}) == 19);
static_assert(total<OverEpt>({four, one_g, four, one_g}) == 8);
static_assert(total<OverNpt>({}) == 24);
static_assert(total<OverNpt>({five, four_k, five, four_k}) == 35);
static_assert(total<OverNpt>({four, two_m, four, two_m}) == 15);

TEST(Walk2d, CountsEachStageOfEachShape) {
    const auto levels = [](Level top, PageSize page) {
        return static_cast<std::size_t>(top) - static_cast<std::size_t>(leaf_level_of(page)) + 1;
    };
    for (const Level guest_top : {four, five}) {
        for (const PageSize guest_page : {four_k, two_m, one_g}) {
            for (const Level nested_top : {four, five}) {
                for (const PageSize nested_page : {four_k, two_m, one_g}) {
                    OverEpt stages({guest_top, guest_page, nested_top, nested_page});
                    const auto result = stages.walk();
                    ASSERT_EQ(result.outcome, Walk2dOutcome::translated);
                    const std::size_t guest = levels(guest_top, guest_page);
                    const std::size_t nested = levels(nested_top, nested_page);
                    EXPECT_EQ(result.references.guest, guest);
                    EXPECT_EQ(result.references.second_stage, (guest + 1) * nested);
                    EXPECT_EQ(stages.reads(), result.references.total());
                    EXPECT_EQ(result.size, std::min(guest_page, nested_page));
                }
            }
        }
    }
}

TEST(Walk2d, SaysWhatBothStagesDid) {
    OverEpt stages({.guest_page = two_m});
    const auto result = stages.walk();
    ASSERT_EQ(result.outcome, Walk2dOutcome::translated);
    EXPECT_EQ(result.guest.translation.address, stages.final_address());
    EXPECT_EQ(result.guest.translation.size, two_m);
    ASSERT_EQ(result.guest.trace.size(), 3u);
    for (const WalkStep& step : result.guest.trace) {
        EXPECT_EQ(step.entry, stages.guest_entry(step.level));
    }
    EXPECT_FALSE(result.last.guest_level);
    EXPECT_EQ(result.last.guest_physical, stages.final_address());
    EXPECT_EQ(result.last.access.purpose, AccessPurpose::translation);
    EXPECT_EQ(result.last.result.details.trace.size(), 4u);
}

TEST(Walk2d, WithoutASecondStageIsTheGuestsWalk) {
    TablePool<8> pool;
    auto mapper = pool.mapper();
    ASSERT_TRUE(mapper.map(Page2m::at<0x4020'0000>(), Frame2m::at<0x60'0000>(), Flags(read)));
    const auto result = walk2d(pool.reader(), NoSecondStage{}, pool.root(), 0x4021'2345, {}, {});
    ASSERT_EQ(result.outcome, Walk2dOutcome::translated);
    EXPECT_EQ(result.address, PhysAddr(0x61'2345));
    EXPECT_EQ(result.size, two_m);
    EXPECT_EQ(result.references, (MemoryReferences{.guest = 3, .second_stage = 0}));
    const auto missed = walk2d(pool.reader(), NoSecondStage{}, Frame4k::at<0x7000>(), 0, {}, {});
    EXPECT_EQ(missed.outcome, Walk2dOutcome::outside_memory);
    EXPECT_EQ(missed.last.guest_level, Level::pml4);
}

TEST(Walk2d, NonCanonicalAddressReadsNothing) {
    OverEpt stages({});
    const auto result = stages.walk(stages.ept(), {}, {}, 0x0000'8000'0000'0000);
    EXPECT_EQ(result.outcome, Walk2dOutcome::guest_non_canonical);
    EXPECT_EQ(result.references.total(), 0u);
    EXPECT_EQ(stages.reads(), 0u);
}

TEST(Walk2d, GuestPageFaultComesBeforeTheFinalAddress) {
    OverEpt stages({});
    stages.nested_leaf(stages.final_address()) = 0;
    stages.guest_slot(Level::pt) &= ~bits::writable;
    const auto result = stages.walk(Access{.type = AccessType::write, .mode = AccessMode::user});
    EXPECT_EQ(result.outcome, Walk2dOutcome::guest_page_fault);
    EXPECT_EQ(result.guest.error.raw(), 7u);
    EXPECT_EQ(result.references, (MemoryReferences{.guest = 4, .second_stage = 16}));
    EXPECT_EQ(result.last.guest_level, Level::pt);

    stages.guest_slot(Level::pdpt) = 0;
    const auto missing = stages.walk();
    EXPECT_EQ(missing.outcome, Walk2dOutcome::guest_page_fault);
    EXPECT_EQ(missing.guest.error.raw(), 0u);
    EXPECT_EQ(missing.references, (MemoryReferences{.guest = 2, .second_stage = 8}));
}

TEST(Walk2d, SecondStageFaultNamesTheGuestsEntry) {
    for (const Level level : {Level::pml4, Level::pdpt, Level::pd, Level::pt}) {
        OverEpt stages({});
        stages.nested_leaf(stages.guest_entry(level)) = 0;
        const auto result = stages.walk(Access{.type = AccessType::fetch});
        EXPECT_EQ(result.outcome, Walk2dOutcome::second_stage_fault);
        EXPECT_EQ(result.last.guest_level, level);
        EXPECT_EQ(result.last.guest_physical, stages.guest_entry(level));
        EXPECT_EQ(result.last.result.details.outcome, EptWalkOutcome::violation);
        EXPECT_EQ(result.last.result.details.violation.raw(), 0x81u) << "a read of a table";
        const auto above = static_cast<std::size_t>(Level::pml4) - static_cast<std::size_t>(level);
        EXPECT_EQ(result.references.guest, above);
        EXPECT_EQ(result.references.second_stage, 4 * (above + 1));
    }
}

TEST(Walk2d, SecondStageFaultOfTheFinalAddress) {
    OverEpt stages({});
    stages.nested_leaf(stages.final_address()) &= ~ept_bits::write;
    EXPECT_EQ(stages.walk().outcome, Walk2dOutcome::translated);
    const auto result = stages.walk(Access{.type = AccessType::write});
    EXPECT_EQ(result.outcome, Walk2dOutcome::second_stage_fault);
    EXPECT_FALSE(result.last.guest_level);
    EXPECT_EQ(result.last.guest_physical, stages.final_address());
    EXPECT_EQ(result.last.result.details.violation.raw(), 0x1aau);
    EXPECT_EQ(result.guest.outcome, WalkOutcome::translated);
    EXPECT_EQ(result.references.total(), 24u);

    stages.nested_leaf(stages.final_address()) |= 2ull << ept_bits::memory_type_shift;
    stages.nested_leaf(stages.final_address()) |= 1ull << ept_bits::memory_type_shift;
    EXPECT_EQ(stages.walk().last.result.details.outcome, EptWalkOutcome::misconfiguration);
}

TEST(Walk2d, ExecuteControlAsksWhoseTheGuestsPageIs) {
    OverEpt stages({});
    const EptStage stage = stages.ept({.mode_based_execute = true});
    const Access fetch{.type = AccessType::fetch};
    stages.nested_leaf(stages.final_address()) &= ~ept_bits::user_execute;
    EXPECT_EQ(stages.walk(stage, fetch).outcome, Walk2dOutcome::second_stage_fault)
        << "a supervisor fetch, but from a user page";
    stages.guest_slot(Level::pd) &= ~bits::user;
    EXPECT_EQ(stages.walk(stage, fetch).outcome, Walk2dOutcome::translated);
}

TEST(Walk2d, OnlyNeededUpdatesWriteTheGuestsTables) {
    for (const Level level : {Level::pml4, Level::pdpt, Level::pd, Level::pt}) {
        OverEpt stages({});
        stages.nested_leaf(stages.guest_entry(level)) &= ~ept_bits::write;
        EXPECT_EQ(stages.walk(Access{.type = AccessType::write}).outcome,
                  Walk2dOutcome::translated);
        stages.guest_slot(level) &= ~bits::accessed;
        const auto result = stages.walk();
        EXPECT_EQ(result.outcome, Walk2dOutcome::second_stage_fault);
        EXPECT_EQ(result.last.guest_level, level);
        EXPECT_EQ(result.last.guest_physical, stages.guest_entry(level));
        EXPECT_EQ(result.last.access.purpose, AccessPurpose::table_update);
        EXPECT_EQ(result.last.result.details.violation.raw(), 0xaau);
        EXPECT_EQ(result.references, (MemoryReferences{.guest = 4, .second_stage = 16}));
    }
    OverEpt stages({});
    stages.nested_leaf(stages.guest_entry(Level::pt)) &= ~ept_bits::write;
    stages.guest_slot(Level::pt) &= ~bits::dirty;
    EXPECT_EQ(stages.walk().outcome, Walk2dOutcome::translated) << "a read sets no dirty flag";
    EXPECT_EQ(stages.walk(Access{.type = AccessType::write}).outcome,
              Walk2dOutcome::second_stage_fault);
}

TEST(Walk2d, UpdateThatIsAllowedCountsNothing) {
    OverEpt stages({});
    stages.guest_slot(Level::pd) &= ~bits::accessed;
    const auto result = stages.walk();
    EXPECT_EQ(result.outcome, Walk2dOutcome::translated);
    EXPECT_EQ(result.references.total(), 24u);
    EXPECT_FALSE(result.last.guest_level);
}

TEST(Walk2d, WithEptAccessedAndDirtyEveryTableIsWritten) {
    for (const Level level : {Level::pml4, Level::pdpt, Level::pd, Level::pt}) {
        OverEpt stages({});
        EptStage stage = stages.ept();
        stage.pointer = stage.pointer.with_accessed_dirty();
        EXPECT_EQ(stages.walk(stage).outcome, Walk2dOutcome::translated);
        stages.nested_leaf(stages.guest_entry(level)) &= ~ept_bits::write;
        const auto result = stages.walk(stage);
        EXPECT_EQ(result.outcome, Walk2dOutcome::second_stage_fault);
        EXPECT_EQ(result.last.guest_level, level);
        EXPECT_EQ(result.last.access.purpose, AccessPurpose::table_entry);
        EXPECT_EQ(result.last.result.details.violation.raw(), 0xabu);
    }
}

TEST(Walk2d, NptTakesEveryTableAccessForAUserWrite) {
    for (const Level level : {Level::pml4, Level::pdpt, Level::pd, Level::pt}) {
        for (const std::uint64_t taken : {bits::writable, bits::user}) {
            OverNpt stages({});
            stages.nested_leaf(stages.guest_entry(level)) &= ~taken;
            const auto result = stages.walk();
            EXPECT_EQ(result.outcome, Walk2dOutcome::second_stage_fault);
            EXPECT_EQ(result.last.guest_level, level);
            EXPECT_EQ(result.last.result.details.exit_info_1, 0x2'0000'0007u);
        }
        OverNpt stages({});
        stages.nested_leaf(stages.guest_entry(level)) &= ~bits::present;
        EXPECT_EQ(stages.walk().last.result.details.exit_info_1, 0x2'0000'0006u);
    }
}

TEST(Walk2d, NptTakesTheFinalAccessForAUsers) {
    OverNpt stages({});
    std::uint64_t& leaf = stages.nested_leaf(stages.final_address());
    const auto exit_info_1 = [&](AccessType type) {
        const auto result = stages.walk(Access{.type = type});
        EXPECT_FALSE(result.last.guest_level);
        return result.last.result.details.exit_info_1;
    };
    leaf &= ~bits::writable;
    EXPECT_EQ(exit_info_1(AccessType::write), 0x1'0000'0007u);
    EXPECT_EQ(exit_info_1(AccessType::read), 0u);
    leaf |= bits::no_execute;
    EXPECT_EQ(exit_info_1(AccessType::fetch), 0x1'0000'0015u);
    leaf &= ~bits::user;
    EXPECT_EQ(exit_info_1(AccessType::read), 0x1'0000'0005u);
    leaf |= 1ull << 51;
    NptStage narrow = stages.npt();
    narrow.format.maxphyaddr = 48;
    EXPECT_EQ(stages.walk(narrow).last.result.details.exit_info_1, 0x1'0000'000du);
}

TEST(Walk2d, NptTellsGuestTablesFromTheFinalAddress) {
    TablePool<2> pool;
    const NptStage stage{.root = pool.root()};
    const auto exit_info_1 = [&](AccessPurpose purpose) {
        const GuestPhysicalAccess access{.type = AccessType::write, .purpose = purpose};
        return stage.translate(pool.reader(), PhysAddr(0x1000), access).details.exit_info_1;
    };
    EXPECT_EQ(exit_info_1(AccessPurpose::table_entry), 0x2'0000'0006u);
    EXPECT_EQ(exit_info_1(AccessPurpose::table_update), 0x2'0000'0006u);
    EXPECT_EQ(exit_info_1(AccessPurpose::translation), 0x1'0000'0006u);
}

TEST(Walk2d, NptUsesTheUpperHalfOfItsRoot) {
    TablePool<8> pool;
    auto mapper = pool.mapper({.root = pool.root(), .scope = MapperScope::whole});
    ASSERT_TRUE(
        mapper.map(Page4k::at<0xffff'8000'0000'1000>(), Frame4k::at<0x7000>(), Flags(read | user)));
    const NptStage stage{.root = pool.root()};
    const auto upper = stage.translate(pool.reader(), PhysAddr(0x8000'0000'1234), {});
    EXPECT_EQ(upper.outcome, SecondStageOutcome::translated);
    EXPECT_EQ(upper.address, PhysAddr(0x7234));
    const auto wide = stage.translate(pool.reader(), PhysAddr(0x1'8000'0000'1234), {});
    EXPECT_EQ(wide.outcome, SecondStageOutcome::fault);
    EXPECT_EQ(wide.details.exit_info_1, 0x1'0000'0004u);
    EXPECT_TRUE(wide.details.walk.trace.empty());
    const auto canonical = stage.translate(pool.reader(), PhysAddr(0xffff'8000'0000'1234), {});
    EXPECT_EQ(canonical.outcome, SecondStageOutcome::fault) << "addresses are not sign-extended";
}

TEST(Walk2d, MemoryThatIsNoneIsToldFromAFault) {
    OverEpt stages({});
    stages.nested_leaf(stages.guest_entry(Level::pd)) |= 1ull << 40;
    const auto guest_lost = stages.walk();
    EXPECT_EQ(guest_lost.outcome, Walk2dOutcome::outside_memory);
    EXPECT_EQ(guest_lost.last.guest_level, Level::pd);
    EXPECT_EQ(guest_lost.last.result.outcome, SecondStageOutcome::translated);

    OverEpt final_lost_stages({});
    final_lost_stages.nested_slot(final_lost_stages.final_address(), Level::pdpt) |= 1ull << 40;
    const auto final_lost = final_lost_stages.walk();
    EXPECT_EQ(final_lost.outcome, Walk2dOutcome::outside_memory);
    EXPECT_FALSE(final_lost.last.guest_level);
    EXPECT_EQ(final_lost.last.result.outcome, SecondStageOutcome::entry_outside_memory);
}

}  // namespace
}  // namespace nestbed::paging::test
