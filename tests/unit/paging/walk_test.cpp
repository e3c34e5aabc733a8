#include "shared/paging/walk.hpp"

#include <gtest/gtest.h>

#include <map>

#include "table_pool.hpp"
#include "typed.hpp"

namespace nestbed::paging::test {
namespace {

constexpr std::uint64_t p = 1ull << 0;
constexpr std::uint64_t rw = 1ull << 1;
constexpr std::uint64_t us = 1ull << 2;
constexpr std::uint64_t a = 1ull << 5;
constexpr std::uint64_t d = 1ull << 6;
constexpr std::uint64_t ps = 1ull << 7;
constexpr std::uint64_t nx = 1ull << 63;

// Bits of the error code.
constexpr std::uint32_t err_p = 1u << 0;
constexpr std::uint32_t err_w = 1u << 1;
constexpr std::uint32_t err_u = 1u << 2;
constexpr std::uint32_t err_rsvd = 1u << 3;
constexpr std::uint32_t err_i = 1u << 4;
constexpr std::uint32_t err_pk = 1u << 5;

constexpr Access kernel_read{};
constexpr Access kernel_write{.type = AccessType::write};
constexpr Access kernel_fetch{.type = AccessType::fetch};
constexpr Access user_read{.mode = AccessMode::user};
constexpr Access user_write{.type = AccessType::write, .mode = AccessMode::user};
constexpr Access user_fetch{.type = AccessType::fetch, .mode = AccessMode::user};
constexpr Access implicit_read{.mode = AccessMode::implicit_supervisor};
constexpr Access implicit_write{.type = AccessType::write, .mode = AccessMode::implicit_supervisor};

/// One path through the tables, by hand: an entry for each level, tables at fixed places.
class Path {
  public:
    static constexpr std::uint64_t linear = 0x0000'5a5a'b4b4'9c0f;
    static constexpr std::uint64_t page = 0xabc'd000;

    Path() {
        set(Level::pt, page | p | rw | us);
        for (Level level = Level::pd; level <= Level::pml5; level = above(level)) {
            set(level, table(below(level)) | p | rw | us);
        }
    }

    static std::uint64_t table(Level level) {
        return 0x10'0000 * static_cast<std::uint64_t>(level);
    }

    static PhysAddr place(Level level) {
        return PhysAddr(table(level)) + 8 * index_of(level, VirtAddr(linear));
    }

    void set(Level level, std::uint64_t raw) { entries_[place(level).raw()] = raw; }
    void add(Level level, std::uint64_t bits) { entries_[place(level).raw()] |= bits; }
    void remove(Level level, std::uint64_t bits) { entries_[place(level).raw()] &= ~bits; }
    void lose(Level level) { entries_.erase(place(level).raw()); }
    std::uint64_t get(Level level) { return entries_[place(level).raw()]; }

    WalkResult walk(Access access, const ControlState& state = {},
                    std::uint64_t address = linear) const {
        const auto read = [this](PhysAddr entry) -> std::optional<std::uint64_t> {
            const auto found = entries_.find(entry.raw());
            return found == entries_.end() ? std::nullopt : std::optional(found->second);
        };
        const Level top = state.la57 ? Level::pml5 : Level::pml4;
        return paging::walk(read, *Frame4k::from(PhysAddr(table(top))), address, access, state);
    }

    /// The error code, or all ones if there is no page fault.
    std::uint32_t error(Access access, const ControlState& state = {}) const {
        const WalkResult result = walk(access, state);
        return result.outcome == WalkOutcome::page_fault ? result.error.raw() : ~0u;
    }

    bool allows(Access access, const ControlState& state = {}) const {
        return walk(access, state).outcome == WalkOutcome::translated;
    }

  private:
    std::map<std::uint64_t, std::uint64_t> entries_;
};

constexpr Level four_levels[] = {Level::pml4, Level::pdpt, Level::pd, Level::pt};

TEST(Walk, FindsTheByteThroughFourLevels) {
    const WalkResult result = Path().walk(user_write);
    ASSERT_EQ(result.outcome, WalkOutcome::translated);
    EXPECT_EQ(result.translation.address, PhysAddr(Path::page + 0xc0f));
    EXPECT_EQ(result.translation.size, PageSize::size_4k);
    EXPECT_EQ(result.translation.permission, read | write | user | execute);
    ASSERT_EQ(result.trace.size(), 4u);
    Level level = Level::pml4;
    for (const WalkStep& step : result.trace) {
        EXPECT_EQ(step.level, level);
        EXPECT_EQ(step.entry, Path::place(level));
        EXPECT_EQ(step.raw, Path().get(level));
        EXPECT_EQ(step.reserved, 0u);
        level = below(level);
    }
}

TEST(Walk, FindsTheByteThroughFiveLevels) {
    const WalkResult result = Path().walk(user_write, {.la57 = true});
    ASSERT_EQ(result.outcome, WalkOutcome::translated);
    EXPECT_EQ(result.translation.address, PhysAddr(Path::page + 0xc0f));
    ASSERT_EQ(result.trace.size(), 5u);
    EXPECT_EQ(result.trace.begin()->level, Level::pml5);
}

TEST(Walk, FindsTheByteInLargePages) {
    Path path;
    path.set(Level::pd, 0x0020'0000 | p | ps | (1ull << 12));
    const WalkResult two_megabytes = path.walk(kernel_read);
    ASSERT_EQ(two_megabytes.outcome, WalkOutcome::translated);
    EXPECT_EQ(two_megabytes.translation.address, PhysAddr(0x20'0000 + (Path::linear & 0x1f'ffff)));
    EXPECT_EQ(two_megabytes.translation.size, PageSize::size_2m);
    EXPECT_TRUE(two_megabytes.translation.leaf_flags.pat()) << "bit 12 is PAT, not address";

    path.set(Level::pdpt, 0x4000'0000 | p | ps);
    const WalkResult one_gigabyte = path.walk(kernel_read);
    ASSERT_EQ(one_gigabyte.outcome, WalkOutcome::translated);
    EXPECT_EQ(one_gigabyte.translation.address,
              PhysAddr(0x4000'0000 + (Path::linear & 0x3fff'ffff)));
    EXPECT_EQ(one_gigabyte.translation.size, PageSize::size_1g);
    EXPECT_EQ(one_gigabyte.trace.size(), 2u);
}

TEST(Walk, NonCanonicalAddressReadsNothing) {
    const WalkResult result = Path().walk(kernel_read, {}, 0x0000'8000'0000'0000);
    EXPECT_EQ(result.outcome, WalkOutcome::non_canonical);
    EXPECT_TRUE(result.trace.empty());
    const WalkResult wide = Path().walk(kernel_read, {.la57 = true}, 0x0100'0000'0000'0000);
    EXPECT_EQ(wide.outcome, WalkOutcome::non_canonical);
}

TEST(Walk, EntryOutsideMemoryIsToldWithItsPlace) {
    for (const Level level : four_levels) {
        Path path;
        path.lose(level);
        const WalkResult result = path.walk(kernel_read);
        EXPECT_EQ(result.outcome, WalkOutcome::entry_outside_memory);
        EXPECT_EQ(result.trace.back().level, level);
        EXPECT_EQ(result.trace.back().entry, Path::place(level));
    }
}

TEST(Walk, AccessedAndDirtyAreWhatTheProcessorWouldSet) {
    Path path;
    path.add(Level::pd, a);
    for (const WalkStep& step : path.walk(kernel_read).trace) {
        EXPECT_EQ(step.updated, step.raw | a);
    }
    for (const WalkStep& step : path.walk(kernel_write).trace) {
        EXPECT_EQ(step.updated, step.raw | a | (step.level == Level::pt ? d : 0));
    }
    path.remove(Level::pt, rw);
    for (const WalkStep& step : path.walk(user_write).trace) {
        EXPECT_EQ(step.updated, step.raw) << "a fault promises no update";
    }
}

// The error code when no level denies anything but one is not present: P is 0 and the rest
// describes the access.
TEST(Walk, NotPresentAtAnyLevel) {
    for (const Level level : four_levels) {
        Path path;
        path.remove(level, p);
        path.add(level, 0x000f'ff00'0000'0000);
        EXPECT_EQ(path.error(kernel_read, {.format = {.maxphyaddr = 40}}), 0u)
            << "reserved bits do not count without P";
        EXPECT_EQ(path.error(kernel_write), err_w);
        EXPECT_EQ(path.error(kernel_fetch), err_i);
        EXPECT_EQ(path.error(user_read), err_u);
        EXPECT_EQ(path.error(user_write), err_u | err_w);
        EXPECT_EQ(path.error(user_fetch), err_u | err_i);
        EXPECT_EQ(path.error(implicit_read), 0u) << "U/S is 0 though CPL may be 3";
        EXPECT_EQ(path.walk(kernel_read).trace.back().level, level);
    }
}

TEST(Walk, FetchIsReportedUnderNxeOrSmepOnly) {
    Path path;
    path.remove(Level::pt, p);
    EXPECT_EQ(path.error(kernel_fetch, {.smep = false, .format = {.nxe = false}}), 0u);
    EXPECT_EQ(path.error(kernel_fetch, {.smep = true, .format = {.nxe = false}}), err_i);
    EXPECT_EQ(path.error(kernel_fetch, {.smep = false, .format = {.nxe = true}}), err_i);
}

TEST(Walk, RightsOfAllLevelsCombine) {
    for (const Level level : four_levels) {
        Path no_write;
        no_write.remove(level, rw);
        EXPECT_EQ(no_write.error(user_write), err_p | err_w | err_u);
        EXPECT_TRUE(no_write.allows(user_read));
        EXPECT_EQ(no_write.walk(user_read).translation.permission, read | user | execute);

        Path no_user;
        no_user.remove(level, us);
        EXPECT_EQ(no_user.error(user_read), err_p | err_u);
        EXPECT_EQ(no_user.error(user_fetch), err_p | err_u | err_i);
        EXPECT_TRUE(no_user.allows(kernel_write));
        EXPECT_TRUE(no_user.allows(kernel_fetch, {.smep = true}));

        Path no_execute;
        no_execute.add(level, nx);
        EXPECT_EQ(no_execute.error(user_fetch), err_p | err_u | err_i);
        EXPECT_EQ(no_execute.error(kernel_fetch), err_p | err_i);
        EXPECT_TRUE(no_execute.allows(user_write));
    }
}

TEST(Walk, LowerLevelNotPresentWinsOverDeniedRights) {
    Path path;
    path.remove(Level::pml4, rw | us);
    path.remove(Level::pt, p);
    EXPECT_EQ(path.error(user_write), err_w | err_u);
}

TEST(Walk, SupervisorWritesHeedReadOnlyUnderWpOnly) {
    Path path;
    path.remove(Level::pt, rw);
    EXPECT_EQ(path.error(kernel_write, {.wp = true}), err_p | err_w);
    EXPECT_TRUE(path.allows(kernel_write, {.wp = false}));
    EXPECT_EQ(path.walk(kernel_write, {.wp = false}).trace.back().updated,
              path.get(Level::pt) | a | d);
    EXPECT_EQ(path.error(user_write, {.wp = false}), err_p | err_w | err_u);
    EXPECT_EQ(path.error(implicit_write, {.wp = true}), err_p | err_w);
}

TEST(Walk, SmepForbidsSupervisorFetchFromUserPages) {
    const Path path;
    EXPECT_TRUE(path.allows(kernel_fetch));
    EXPECT_EQ(path.error(kernel_fetch, {.smep = true}), err_p | err_i);
    EXPECT_TRUE(path.allows(user_fetch, {.smep = true}));
    EXPECT_TRUE(path.allows(kernel_read, {.smep = true}));
}

TEST(Walk, SmapForbidsSupervisorDataAccessToUserPages) {
    const Path path;
    EXPECT_EQ(path.error(kernel_read, {.smap = true}), err_p);
    EXPECT_EQ(path.error(kernel_write, {.smap = true}), err_p | err_w);
    EXPECT_EQ(path.error(kernel_write, {.wp = false, .smap = true}), err_p | err_w);
    EXPECT_TRUE(path.allows(kernel_fetch, {.smap = true}));
    EXPECT_TRUE(path.allows(user_read, {.smap = true}));
    EXPECT_TRUE(path.allows(kernel_read, {.smap = true, .ac = true}));
    EXPECT_TRUE(path.allows(kernel_write, {.smap = true, .ac = true}));
    EXPECT_EQ(path.error(implicit_read, {.smap = true, .ac = true}), err_p)
        << "AC is for explicit accesses";
    Path supervisor;
    supervisor.remove(Level::pml4, us);
    EXPECT_TRUE(supervisor.allows(kernel_read, {.smap = true})) << "one level makes the address";
}

TEST(Walk, ReservedBitsAtEachLevel) {
    for (const Level level : four_levels) {
        Path high;
        high.add(level, 1ull << 45);
        const ControlState narrow{.format = {.maxphyaddr = 45}};
        EXPECT_EQ(high.error(user_write, narrow), err_p | err_rsvd | err_w | err_u);
        EXPECT_EQ(high.walk(user_read, narrow).trace.back().level, level);
        EXPECT_EQ(high.walk(user_read, narrow).trace.back().reserved, 1ull << 45);

        Path no_nxe;
        no_nxe.add(level, nx);
        EXPECT_EQ(no_nxe.error(kernel_read, {.format = {.nxe = false}}), err_p | err_rsvd);
        EXPECT_EQ(no_nxe.error(kernel_fetch, {.format = {.nxe = false}}), err_p | err_rsvd)
            << "and I/D stays 0";
    }
    for (const Level level : {Level::pml4, Level::pml5}) {
        Path large;
        large.add(level, ps);
        EXPECT_EQ(large.error(kernel_read, {.la57 = true}), err_p | err_rsvd);
        EXPECT_EQ(large.walk(kernel_read, {.la57 = true}).trace.back().reserved, ps);
        Path global;
        global.add(level, 1ull << 8);
        EXPECT_TRUE(global.allows(kernel_read, {.la57 = true}));
        EXPECT_EQ(
            global.error(kernel_read, {.la57 = true, .format = {.root_global_reserved = true}}),
            err_p | err_rsvd);
    }
}

TEST(Walk, ReservedBitsOfLargeLeaves) {
    for (unsigned bit = 13; bit < 30; ++bit) {
        Path two_megabytes;
        two_megabytes.set(Level::pd, 0x4000'0000 | p | us | ps | (1ull << bit));
        EXPECT_EQ(two_megabytes.error(user_read), bit < 21 ? err_p | err_rsvd | err_u : ~0u);
        Path one_gigabyte;
        one_gigabyte.set(Level::pdpt, 0x4000'0000 | p | us | ps | (1ull << bit));
        EXPECT_EQ(one_gigabyte.error(user_read), err_p | err_rsvd | err_u);
    }
}

TEST(Walk, OneGigabyteLeafIsReservedWithoutTheFeature) {
    Path path;
    path.set(Level::pdpt, 0x4000'0000 | p | rw | us | ps);
    EXPECT_TRUE(path.allows(user_read));
    const ControlState without{.format = {.pages_1g = false}};
    EXPECT_EQ(path.error(user_read, without), err_p | err_rsvd | err_u);
    EXPECT_EQ(path.walk(user_read, without).trace.back().reserved, ps);
}

TEST(Walk, PsInThePageTableIsPat) {
    Path path;
    path.add(Level::pt, ps);
    const WalkResult result = path.walk(user_read);
    ASSERT_EQ(result.outcome, WalkOutcome::translated);
    EXPECT_TRUE(result.translation.leaf_flags.pat());
    EXPECT_EQ(result.translation.leaf_flags.pat_index(), 4u);
}

TEST(Walk, KeysOfTablesAreIgnored) {
    Path path;
    path.add(Level::pd, 15ull << 59);
    EXPECT_TRUE(path.allows(user_read, {.pke = true, .pkru = 3u << 30}));
}

struct KeyCase {
    Level leaf;
    std::uint64_t frame;
};

TEST(Walk, ProtectionKeysOfUserPages) {
    for (const auto& [leaf, raw] : {KeyCase{Level::pt, Path::page | p | rw | us},
                                    KeyCase{Level::pd, 0x20'0000 | p | rw | us | ps},
                                    KeyCase{Level::pdpt, 0x4000'0000 | p | rw | us | ps}}) {
        Path path;
        path.set(leaf, raw | (5ull << 59));
        const std::uint32_t access_disable = 1u << 10;
        const std::uint32_t write_disable = 1u << 11;

        const ControlState off{.pkru = access_disable};
        EXPECT_TRUE(path.allows(user_write, off)) << "CR4.PKE is 0";
        const ControlState other{.pke = true, .pkru = ~(access_disable | write_disable)};
        EXPECT_TRUE(path.allows(user_write, other)) << "other keys do not matter";

        const ControlState no_access{.pke = true, .pkru = access_disable};
        EXPECT_EQ(path.error(user_read, no_access), err_p | err_u | err_pk);
        EXPECT_EQ(path.error(kernel_read, no_access), err_p | err_pk);
        EXPECT_EQ(path.error(kernel_write, no_access), err_p | err_w | err_pk);
        EXPECT_TRUE(path.allows(user_fetch, no_access)) << "keys control data accesses";

        const ControlState no_write{.pke = true, .pkru = write_disable};
        EXPECT_TRUE(path.allows(user_read, no_write));
        EXPECT_EQ(path.error(user_write, no_write), err_p | err_w | err_u | err_pk);
        EXPECT_EQ(path.error(kernel_write, no_write), err_p | err_w | err_pk);
        const ControlState no_write_no_wp{.wp = false, .pke = true, .pkru = write_disable};
        EXPECT_TRUE(path.allows(kernel_write, no_write_no_wp));
        EXPECT_EQ(path.error(user_write, no_write_no_wp), err_p | err_w | err_u | err_pk);
    }
}

TEST(Walk, ProtectionKeysOfSupervisorPages) {
    Path path;
    path.add(Level::pt, 2ull << 59);
    path.remove(Level::pml4, us);
    const std::uint32_t access_disable = 1u << 4;
    const std::uint32_t write_disable = 1u << 5;
    EXPECT_TRUE(path.allows(kernel_read, {.pke = true, .pkru = ~0u})) << "PKRU is for user pages";
    EXPECT_TRUE(path.allows(kernel_read, {.pks = false, .pkrs = ~0u}));
    EXPECT_EQ(path.error(kernel_read, {.pks = true, .pkrs = access_disable}), err_p | err_pk);
    EXPECT_EQ(path.error(kernel_write, {.pks = true, .pkrs = write_disable}),
              err_p | err_w | err_pk);
    EXPECT_TRUE(path.allows(kernel_write, {.wp = false, .pks = true, .pkrs = write_disable}));
    EXPECT_TRUE(path.allows(kernel_read, {.pks = true, .pkrs = write_disable}));
    EXPECT_TRUE(path.allows(kernel_fetch, {.pks = true, .pkrs = access_disable}));
    EXPECT_TRUE(Path().allows(kernel_read, {.pks = true, .pkrs = ~0u})) << "a user page";
}

TEST(Walk, KeyViolationIsReportedBesideOthers) {
    Path path;
    path.remove(Level::pt, rw);
    EXPECT_EQ(path.error(user_write, {.pke = true, .pkru = 1}), err_p | err_w | err_u | err_pk);
    path.add(Level::pt, 1ull << 51);
    EXPECT_EQ(path.error(user_write, {.pke = true, .pkru = 1, .format = {.maxphyaddr = 48}}),
              err_p | err_w | err_u | err_rsvd)
        << "no key without a translation";
}

TEST(Walk, ReadsTablesThroughAWindow) {
    TablePool<8> pool;
    auto mapper = pool.mapper();
    ASSERT_TRUE(mapper.map(Page4k::at<0x1000>(), Frame4k::at<0x9000>(), Flags(read)));
    EXPECT_EQ(walk(pool.reader(), pool.root(), 0x1234, kernel_read, {}).translation.address,
              PhysAddr(0x9234));
    EXPECT_EQ(walk(pool.reader(), Frame4k::at<0x1000>(), 0x1234, kernel_read, {}).outcome,
              WalkOutcome::entry_outside_memory);
}

}  // namespace
}  // namespace nestbed::paging::test
