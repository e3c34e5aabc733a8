#include "shared/paging/walk_ept.hpp"

#include <gtest/gtest.h>

#include <map>

namespace nestbed::paging::test {
namespace {

constexpr std::uint64_t r = 1ull << 0;
constexpr std::uint64_t w = 1ull << 1;
constexpr std::uint64_t x = 1ull << 2;
constexpr std::uint64_t wb = 6ull << 3;
constexpr std::uint64_t ps = 1ull << 7;
constexpr std::uint64_t a = 1ull << 8;
constexpr std::uint64_t d = 1ull << 9;
constexpr std::uint64_t user_x = 1ull << 10;

// The exit qualification, as the manual numbers it.
constexpr std::uint64_t q_read = 1u << 0;
constexpr std::uint64_t q_write = 1u << 1;
constexpr std::uint64_t q_fetch = 1u << 2;
constexpr std::uint64_t q_r = 1u << 3;
constexpr std::uint64_t q_w = 1u << 4;
constexpr std::uint64_t q_x = 1u << 5;
constexpr std::uint64_t q_user_x = 1u << 6;
constexpr std::uint64_t q_linear = 1u << 7;
constexpr std::uint64_t q_translation = 1u << 8;
constexpr std::uint64_t q_final = q_linear | q_translation;

constexpr GuestPhysicalAccess data_read{};
constexpr GuestPhysicalAccess data_write{.type = AccessType::write};
constexpr GuestPhysicalAccess fetch{.type = AccessType::fetch};
constexpr GuestPhysicalAccess user_fetch{.type = AccessType::fetch, .user_linear = true};
constexpr GuestPhysicalAccess table_read{.purpose = AccessPurpose::table_entry};
constexpr GuestPhysicalAccess table_update{.type = AccessType::write,
                                           .purpose = AccessPurpose::table_update};

constexpr Level four_levels[] = {Level::pml4, Level::pdpt, Level::pd, Level::pt};

/// One path through the EPT, by hand: an entry for each level, tables at fixed places.
class Path {
  public:
    static constexpr std::uint64_t guest_physical = 0xda5a'b4b4'9c0f;
    static constexpr std::uint64_t wide = 0x000f'5a5a'b4b4'9c0f;
    static constexpr std::uint64_t page = 0xabc'd000;

    explicit Path(std::uint64_t address = guest_physical) : address_(address) {
        set(Level::pt, page | r | w | x | user_x | wb);
        for (Level level = Level::pd; level <= Level::pml5; level = above(level)) {
            set(level, table(below(level)) | r | w | x | user_x);
        }
    }

    static std::uint64_t table(Level level) { return 0x10'0000ull * static_cast<unsigned>(level); }

    PhysAddr place(Level level) const {
        const auto number = static_cast<unsigned>(level);
        return PhysAddr(table(level) + 8 * (address_ >> (9 * number + 3) & 511));
    }

    void set(Level level, std::uint64_t raw) { entries_[place(level).raw()] = raw; }
    void add(Level level, std::uint64_t bits) { entries_[place(level).raw()] |= bits; }
    void remove(Level level, std::uint64_t bits) { entries_[place(level).raw()] &= ~bits; }
    void lose(Level level) { entries_.erase(place(level).raw()); }

    static EptPointer pointer(EptWalkLength length = EptWalkLength::four) {
        const Level top = length == EptWalkLength::five ? Level::pml5 : Level::pml4;
        return EptPointer(*Frame4k::from(PhysAddr(table(top))), length);
    }

    EptWalkResult walk(GuestPhysicalAccess access, const EptFormat& format = {},
                       EptPointer from = pointer()) const {
        const auto read = [this](PhysAddr entry) -> std::optional<std::uint64_t> {
            const auto found = entries_.find(entry.raw());
            return found == entries_.end() ? std::nullopt : std::optional(found->second);
        };
        return walk_ept(read, from, PhysAddr(address_), access, format);
    }

    /// The exit qualification, or all ones if there is no EPT violation.
    std::uint64_t violation(GuestPhysicalAccess access, const EptFormat& format = {},
                            EptPointer from = pointer()) const {
        const EptWalkResult result = walk(access, format, from);
        return result.outcome == EptWalkOutcome::violation ? result.violation.raw() : ~0ull;
    }

    bool allows(GuestPhysicalAccess access, const EptFormat& format = {}) const {
        return walk(access, format).outcome == EptWalkOutcome::translated;
    }

  private:
    std::uint64_t address_;
    std::map<std::uint64_t, std::uint64_t> entries_;
};

TEST(WalkEpt, FindsTheByteThroughFourLevels) {
    const Path path;
    const EptWalkResult result = path.walk(data_write);
    ASSERT_EQ(result.outcome, EptWalkOutcome::translated);
    EXPECT_EQ(result.translation.address, PhysAddr(Path::page + 0xc0f));
    EXPECT_EQ(result.translation.size, PageSize::size_4k);
    EXPECT_EQ(result.translation.permission, ept_all_granted);
    EXPECT_EQ(result.translation.leaf_flags.memory_type(), EptMemoryType::write_back);
    EXPECT_EQ(result.violation, EptViolation{});
    ASSERT_EQ(result.trace.size(), 4u);
    Level level = Level::pml4;
    for (const WalkStep& step : result.trace) {
        EXPECT_EQ(step.level, level);
        EXPECT_EQ(step.entry, path.place(level));
        EXPECT_EQ(step.updated, step.raw) << "accessed and dirty are off";
        level = below(level);
    }
}

TEST(WalkEpt, FindsTheByteThroughFiveLevels) {
    const Path path(Path::wide);
    const EptWalkResult result = path.walk(data_read, {}, Path::pointer(EptWalkLength::five));
    ASSERT_EQ(result.outcome, EptWalkOutcome::translated);
    EXPECT_EQ(result.translation.address, PhysAddr(Path::page + 0xc0f));
    ASSERT_EQ(result.trace.size(), 5u);
    EXPECT_EQ(result.trace.begin()->level, Level::pml5);
    EXPECT_EQ(result.trace.begin()->entry, PhysAddr(Path::table(Level::pml5) + 0x78));
}

TEST(WalkEpt, FindsTheByteInLargePages) {
    Path path;
    path.set(Level::pd, 0x0020'0000 | r | ps | wb);
    const EptWalkResult two_megabytes = path.walk(data_read);
    ASSERT_EQ(two_megabytes.outcome, EptWalkOutcome::translated);
    EXPECT_EQ(two_megabytes.translation.address,
              PhysAddr(0x20'0000 + (Path::guest_physical & 0x1f'ffff)));
    EXPECT_EQ(two_megabytes.translation.size, PageSize::size_2m);
    EXPECT_EQ(two_megabytes.trace.size(), 3u);

    path.set(Level::pdpt, 0x4000'0000 | r | ps | wb);
    const EptWalkResult one_gigabyte = path.walk(data_read);
    ASSERT_EQ(one_gigabyte.outcome, EptWalkOutcome::translated);
    EXPECT_EQ(one_gigabyte.translation.address,
              PhysAddr(0x4000'0000 + (Path::guest_physical & 0x3fff'ffff)));
    EXPECT_EQ(one_gigabyte.translation.size, PageSize::size_1g);
    EXPECT_EQ(one_gigabyte.trace.size(), 2u);
}

TEST(WalkEpt, AddressTooWideForFourLevelsIsAViolationAndReadsNothing) {
    for (int bit = 48; bit < 52; ++bit) {
        const EptWalkResult result = Path(Path::guest_physical | 1ull << bit).walk(data_write);
        EXPECT_EQ(result.outcome, EptWalkOutcome::violation);
        EXPECT_EQ(result.violation.raw(), q_write | q_final) << "granted bits are clear";
        EXPECT_TRUE(result.trace.empty());
    }
    const EptWalkResult five_levels = Path(Path::guest_physical | 1ull << 52)
                                          .walk(data_read, {}, Path::pointer(EptWalkLength::five));
    EXPECT_EQ(five_levels.outcome, EptWalkOutcome::violation);
    EXPECT_TRUE(five_levels.trace.empty());
}

TEST(WalkEpt, EntryOutsideMemoryIsToldWithItsPlace) {
    for (const Level level : four_levels) {
        Path path;
        path.lose(level);
        const EptWalkResult result = path.walk(data_read);
        EXPECT_EQ(result.outcome, EptWalkOutcome::entry_outside_memory);
        EXPECT_EQ(result.trace.back().level, level);
        EXPECT_EQ(result.trace.back().entry, path.place(level));
    }
}

TEST(WalkEpt, EntryNotPresentIsAViolationThatSaysNothingGranted) {
    for (const Level level : four_levels) {
        Path path;
        path.remove(level, r | w | x);
        EXPECT_EQ(path.violation(data_read), q_read | q_final);
        EXPECT_EQ(path.violation(data_write), q_write | q_final);
        EXPECT_EQ(path.violation(fetch), q_fetch | q_final);
        EXPECT_EQ(path.walk(data_read).trace.back().level, level);
    }
}

TEST(WalkEpt, EachLevelCanDenyEachAccess) {
    for (const Level level : four_levels) {
        Path path;
        path.remove(level, w);
        EXPECT_EQ(path.violation(data_write), q_write | q_r | q_x | q_final);
        EXPECT_TRUE(path.allows(data_read));
        EXPECT_TRUE(path.allows(fetch));
        path.remove(level, x);
        EXPECT_EQ(path.violation(fetch), q_fetch | q_r | q_final);
        path.remove(level, r);
        path.add(level, x);
        EXPECT_EQ(path.violation(data_read), q_read | q_x | q_final);
        EXPECT_TRUE(path.allows(fetch)) << "execute only";
    }
}

TEST(WalkEpt, ModeBasedExecuteAsksTheBitOfTheLinearAddress) {
    const EptFormat on{.mode_based_execute = true};
    for (const Level level : four_levels) {
        Path path;
        path.remove(level, user_x);
        EXPECT_TRUE(path.allows(user_fetch)) << "without the control bit 10 is ignored";
        EXPECT_EQ(path.violation(user_fetch, on), q_fetch | q_r | q_w | q_x | q_final);
        EXPECT_TRUE(path.allows(fetch, on));
        path.add(level, user_x);
        path.remove(level, x);
        EXPECT_EQ(path.violation(fetch, on), q_fetch | q_r | q_w | q_user_x | q_final);
        EXPECT_TRUE(path.allows(user_fetch, on));
        EXPECT_EQ(path.violation(user_fetch), q_fetch | q_r | q_w | q_final)
            << "bit 6 is undefined without the control";
    }
}

TEST(WalkEpt, MisconfigurationComesBeforeTheEntriesBelowAndTheRights) {
    for (const Level level : four_levels) {
        Path path;
        path.remove(Level::pml4, w);
        path.remove(level, r);
        path.add(level, w);
        const EptWalkResult result = path.walk(data_write);
        EXPECT_EQ(result.outcome, EptWalkOutcome::misconfiguration);
        EXPECT_EQ(result.trace.back().level, level);
        EXPECT_EQ(result.trace.back().reserved, w);
        EXPECT_EQ(result.violation.raw(), 0u) << "this exit saves no qualification";
    }
    Path path;
    path.remove(Level::pdpt, r | w | x);
    path.add(Level::pt, 7ull << 3);
    EXPECT_EQ(path.violation(data_read), q_read | q_final) << "the walk ended above";
}

TEST(WalkEpt, FormatDecidesWhatIsMisconfigured) {
    Path path;
    path.add(Level::pml4, 1ull << 46);
    EXPECT_EQ(path.walk(data_read, {.maxphyaddr = 46}).trace.back().reserved, 1ull << 46);
    EXPECT_EQ(path.walk(data_read).outcome, EptWalkOutcome::entry_outside_memory);
}

TEST(WalkEpt, SaysWhatTheAccessWasFor) {
    Path path;
    path.remove(Level::pt, r | w | x);
    EXPECT_EQ(path.violation(table_read), q_read | q_linear);
    EXPECT_EQ(path.violation(table_update), q_write | q_linear);
    EXPECT_EQ(path.violation({.purpose = AccessPurpose::no_linear}), q_read);
}

TEST(WalkEpt, AccessedAndDirtyAreSetOnlyWhereTheyAreEnabled) {
    const EptPointer flags_on = Path::pointer().with_accessed_dirty();
    const Path path;
    for (const bool is_write : {false, true}) {
        const EptWalkResult result = path.walk(is_write ? data_write : data_read, {}, flags_on);
        for (const WalkStep& step : result.trace) {
            const bool leaf = step.level == Level::pt;
            EXPECT_EQ(step.updated, step.raw | a | (leaf && is_write ? d : 0));
        }
    }
    Path refused;
    refused.remove(Level::pt, w);
    for (const WalkStep& step : refused.walk(data_write, {}, flags_on).trace) {
        EXPECT_EQ(step.updated, step.raw);
    }
}

TEST(WalkEpt, WithAccessedAndDirtyAGuestTableReadIsAWrite) {
    const EptPointer flags_on = Path::pointer().with_accessed_dirty();
    Path path;
    EXPECT_EQ(path.walk(table_read, {}, flags_on).trace.back().updated & (a | d), a | d);
    path.remove(Level::pd, w);
    EXPECT_TRUE(path.allows(table_read));
    EXPECT_EQ(path.violation(table_read, {}, flags_on), q_read | q_write | q_r | q_x | q_linear);
    EXPECT_EQ(path.walk(data_read, {}, flags_on).outcome, EptWalkOutcome::translated)
        << "the final address is read only";
}

TEST(EptViolation, NamesItsBits) {
    constexpr EptViolation fetch_denied(q_fetch | q_r | q_user_x | q_final);
    static_assert(fetch_denied.fetch() && !fetch_denied.read() && !fetch_denied.write());
    static_assert(fetch_denied.linear_valid() && fetch_denied.translation());
    static_assert(fetch_denied.permission() == (EptPermission::read | EptPermission::user_execute));
    constexpr EptViolation table(q_read | q_write | q_w | q_x | q_linear);
    static_assert(table.read() && table.write() && !table.fetch() && !table.translation());
    static_assert(table.permission() == (EptPermission::write | EptPermission::execute));
    EXPECT_EQ(EptViolation(1ull << 40).with(q_read).raw(), 1ull << 40 | q_read);
}

}  // namespace
}  // namespace nestbed::paging::test
