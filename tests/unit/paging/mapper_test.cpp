#include "shared/paging/mapper.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <utility>
#include <vector>

#include "shared/paging/walk.hpp"
#include "table_pool.hpp"
#include "tree_check.hpp"
#include "typed.hpp"

namespace nestbed::paging::test {
namespace {

constexpr std::size_t pool_tables = 32;
using Pool = TablePool<pool_tables>;

template <typename T>
class MapperOf : public testing::Test {
  public:
    static constexpr PageSize size = T::value;
    static constexpr Level leaf_level = leaf_level_of(size);
    static constexpr auto page() { return Page<size>::template at<0x1234'4000'0000>(); }
    static constexpr auto page_beside() {
        return *Page<size>::from(page().address() + bytes_of(size));
    }
    static constexpr auto frame() { return Frame<size>::template at<0xab'4000'0000>(); }
    static constexpr auto other_frame() { return Frame<size>::template at<0xcd'c000'0000>(); }
    static constexpr Flags flags() { return Flags(read | write | user); }
    static constexpr std::size_t tables_needed() {
        return 4 - static_cast<std::size_t>(leaf_level);
    }

    WalkResult walk_to(Page<size> of, Access access = {}) {
        return walk(pool.reader(), Pool::root(), of.address().raw() + 0x123, access, {});
    }
    std::uint64_t& leaf_slot() { return slot(pool, page().address(), leaf_level); }

    Pool pool;
    Mapper<Pool::Window, Pool> mapper = pool.mapper();
    RecordingInvalidator invalidator;
};
TYPED_TEST_SUITE(MapperOf, AllSizes, SizeName);

TYPED_TEST(MapperOf, MapsWhatAWalkThenFinds) {
    const Flags flags = Flags(read | user).with_pat().with_global();
    ASSERT_TRUE(this->mapper.map(this->page(), this->frame(), flags));
    const WalkResult hit = this->walk_to(this->page());
    ASSERT_EQ(hit.outcome, WalkOutcome::translated);
    EXPECT_EQ(hit.translation.address, this->frame().address() + 0x123);
    EXPECT_EQ(hit.translation.size, TestFixture::size);
    EXPECT_EQ(hit.translation.permission, read | user);
    EXPECT_EQ(hit.translation.leaf_flags, flags);
    EXPECT_EQ(this->pool.used(), this->tables_needed());
    EXPECT_EQ(this->walk_to(this->page_beside()).outcome, WalkOutcome::page_fault);

    const auto mapping = this->mapper.lookup(this->page().address() + 0x123);
    ASSERT_TRUE(mapping);
    EXPECT_EQ(mapping->address, this->frame().address() + 0x123);
    EXPECT_EQ(mapping->size, TestFixture::size);
    EXPECT_EQ(mapping->flags, flags);
    EXPECT_EQ(mapping->raw, this->leaf_slot());
}

TYPED_TEST(MapperOf, PagesShareTables) {
    ASSERT_TRUE(this->mapper.map(this->page(), this->frame(), this->flags()));
    ASSERT_TRUE(this->mapper.map(this->page_beside(), this->other_frame(), this->flags()));
    EXPECT_EQ(this->pool.used(), this->tables_needed());
    EXPECT_EQ(this->walk_to(this->page()).translation.address, this->frame().address() + 0x123);
    EXPECT_EQ(this->walk_to(this->page_beside()).translation.address,
              this->other_frame().address() + 0x123);
}

TYPED_TEST(MapperOf, MapsFiveLevels) {
    Mapper wide = this->pool.mapper({.root = Pool::root(), .width = LinearWidth::bits_57});
    const auto page =
        Page<TestFixture::size>::template at<0x00ab'cdef'0000'0000 & ~0x3fff'ffffull>();
    ASSERT_TRUE(wide.map(page, this->frame(), this->flags()));
    const WalkResult hit =
        walk(this->pool.reader(), Pool::root(), page.address().raw(), Access{}, {.la57 = true});
    EXPECT_EQ(hit.outcome, WalkOutcome::translated);
    EXPECT_EQ(hit.trace.size(), this->tables_needed() + 2);
    EXPECT_EQ(wide.lookup(page.address())->address, this->frame().address());
    auto stale = wide.unmap(page);
    ASSERT_TRUE(stale);
    EXPECT_EQ(std::move(*stale).invalidate(this->invalidator), this->frame());
}

TYPED_TEST(MapperOf, UnmapHandsTheFrameBackInsideAToken) {
    ASSERT_TRUE(this->mapper.map(this->page(), this->frame(), this->flags()));
    this->leaf_slot() |= bits::accessed | bits::dirty;
    auto stale = this->mapper.unmap(this->page());
    ASSERT_TRUE(stale);
    EXPECT_EQ(this->walk_to(this->page()).outcome, WalkOutcome::page_fault);
    EXPECT_EQ(this->leaf_slot(), 0u);
    EXPECT_EQ(stale->space(), AddressSpaceId{Pool::root()});
    EXPECT_EQ(stale->page(), this->page());
    EXPECT_TRUE(stale->old_entry().dirty());
    EXPECT_EQ(std::move(*stale).invalidate(this->invalidator), this->frame());
    EXPECT_EQ(this->invalidator.calls, 1);
    EXPECT_EQ(this->mapper.unmap(this->page()).error().kind, ErrorKind::not_exist);
    EXPECT_TRUE(this->mapper.map(this->page(), this->frame(), this->flags())) << "and again";
}

TYPED_TEST(MapperOf, RemapHandsTheOldFrameBack) {
    ASSERT_TRUE(this->mapper.map(this->page(), this->frame(), this->flags()));
    this->leaf_slot() |= bits::accessed | bits::dirty;
    auto stale = this->mapper.remap(this->page(), this->other_frame(), Flags(read));
    ASSERT_TRUE(stale);
    EXPECT_TRUE(stale->old_entry().dirty());
    EXPECT_EQ(std::move(*stale).invalidate(this->invalidator), this->frame());
    const auto mapping = this->mapper.lookup(this->page().address());
    EXPECT_EQ(mapping->address, this->other_frame().address());
    EXPECT_EQ(mapping->flags, Flags(read));
    EXPECT_EQ(mapping->raw & (bits::accessed | bits::dirty), 0u);
}

TYPED_TEST(MapperOf, ProtectKeepsFrameAccessedDirtyAndAvailableBits) {
    ASSERT_TRUE(this->mapper.map(this->page(), this->frame(), this->flags()));
    const std::uint64_t kept =
        bits::accessed | bits::dirty | bits::available_low | bits::available_high;
    this->leaf_slot() |= kept;
    auto stale = this->mapper.protect(this->page(), Flags(read).with_pat());
    ASSERT_TRUE(stale);
    EXPECT_TRUE(stale->owed());
    std::move(*stale).invalidate(this->invalidator);
    EXPECT_EQ(this->invalidator.address, this->page().address());
    const auto mapping = this->mapper.lookup(this->page().address());
    EXPECT_EQ(mapping->address, this->frame().address());
    EXPECT_EQ(mapping->flags, Flags(read).with_pat());
    EXPECT_EQ(mapping->raw & kept, kept);
}

TYPED_TEST(MapperOf, ProtectOwesNothingIfItOnlyGrantsMore) {
    ASSERT_TRUE(this->mapper.map(this->page(), this->frame(), Flags(read)));
    const auto owes = [&](Flags flags) {
        auto rights = this->mapper.protect(this->page(), flags);
        const bool owed = rights->owed();
        std::move(*rights).invalidate(this->invalidator);
        return owed;
    };
    EXPECT_FALSE(owes(Flags(read)));
    EXPECT_FALSE(owes(Flags(read | write)));
    EXPECT_FALSE(owes(Flags(read | write | execute)));
    EXPECT_TRUE(owes(Flags(read | write))) << "execute was taken";
    EXPECT_TRUE(owes(Flags(read | write | user))) << "SMEP and SMAP take it from the supervisor";
    EXPECT_TRUE(owes(Flags(read | user)));
    EXPECT_TRUE(owes(Flags(read | user | write).with_global())) << "granting and another change";
    EXPECT_TRUE(owes(Flags(read | user | write)));
    EXPECT_TRUE(owes(Flags(read | user | write).with_cache_disable()));
    EXPECT_TRUE(owes(*Flags(read | user | write).with_protection_key(3)));
}

TYPED_TEST(MapperOf, CollisionIsAnErrorWithItsPlace) {
    ASSERT_TRUE(this->mapper.map(this->page(), this->frame(), this->flags()));
    const auto before = snapshot(this->pool);
    const auto again = this->mapper.map(this->page(), this->other_frame(), Flags(read));
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error(), (Error{.kind = ErrorKind::duplicated,
                                    .level = TestFixture::leaf_level,
                                    .virt = this->page().address(),
                                    .phys = this->frame().address()}));
    EXPECT_EQ(snapshot(this->pool), before);
}

TYPED_TEST(MapperOf, WhatIsNotMappedIsAnErrorWithItsLevel) {
    const auto missing = [&](Level level) {
        const Error expected{
            .kind = ErrorKind::not_exist, .level = level, .virt = this->page().address()};
        EXPECT_EQ(this->mapper.unmap(this->page()).error(), expected);
        EXPECT_EQ(this->mapper.protect(this->page(), this->flags()).error(), expected);
        EXPECT_EQ(this->mapper.remap(this->page(), this->frame(), this->flags()).error(), expected);
        EXPECT_EQ(this->mapper.lookup(this->page().address()).error(), expected);
    };
    missing(Level::pml4);
    ASSERT_TRUE(this->mapper.map(this->page_beside(), this->frame(), this->flags()));
    missing(TestFixture::leaf_level);
    EXPECT_EQ(this->pool.used(), this->tables_needed());
}

// Failure halfway: out of frames at each possible step leaves the tree and the frames as they were.
TYPED_TEST(MapperOf, OutOfFramesChangesNothing) {
    const auto before = snapshot(this->pool);
    for (std::size_t frames = 0; frames < this->tables_needed(); ++frames) {
        this->pool.limit(frames);
        const auto result = this->mapper.map(this->page(), this->frame(), this->flags());
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().kind, ErrorKind::out_of_frames);
        EXPECT_EQ(result.error().virt, this->page().address());
        EXPECT_TRUE(result.error().level.has_value());
        EXPECT_EQ(this->pool.used(), 0u);
        EXPECT_EQ(snapshot(this->pool), before);
    }
    EXPECT_FALSE(this->pool.gave_back_dirty());
    this->pool.limit(this->tables_needed());
    EXPECT_TRUE(this->mapper.map(this->page(), this->frame(), this->flags()));
}

TYPED_TEST(MapperOf, TheKernelsHalfIsRefused) {
    const auto upper = Page<TestFixture::size>::template at<0xffff'8000'0000'0000>();
    const auto before = snapshot(this->pool);
    const Error expected{
        .kind = ErrorKind::kernel_half, .level = Level::pml4, .virt = upper.address()};
    EXPECT_EQ(this->mapper.map(upper, this->frame(), this->flags()).error(), expected);
    EXPECT_EQ(this->mapper.unmap(upper).error(), expected);
    EXPECT_EQ(this->mapper.protect(upper, this->flags()).error(), expected);
    EXPECT_EQ(this->mapper.remap(upper, this->frame(), this->flags()).error(), expected);
    EXPECT_EQ(snapshot(this->pool), before);

    Mapper kernel = this->pool.mapper({.root = Pool::root(), .scope = MapperScope::whole});
    ASSERT_TRUE(kernel.map(upper, this->frame(), this->flags()));
    EXPECT_EQ(this->mapper.unmap(upper).error(), expected);
    EXPECT_EQ(this->mapper.lookup(upper.address())->address, this->frame().address());
    auto stale = kernel.unmap(upper);
    EXPECT_EQ(std::move(*stale).invalidate(this->invalidator), this->frame());
}

TYPED_TEST(MapperOf, NonCanonicalPagesAreRefused) {
    const auto page = Page<TestFixture::size>::template at<0x0000'8000'0000'0000>();
    const Error expected{.kind = ErrorKind::not_canonical, .virt = page.address()};
    EXPECT_EQ(this->mapper.map(page, this->frame(), this->flags()).error(), expected);
    EXPECT_EQ(this->mapper.unmap(page).error(), expected);
    EXPECT_EQ(this->mapper.protect(page, this->flags()).error(), expected);
    EXPECT_EQ(this->mapper.lookup(page.address()).error(), expected);
}

// Trap: physical addresses above MAXPHYADDR folded into flag bits.
TYPED_TEST(MapperOf, WhatTheProcessorWouldFaultOnIsRefused) {
    const auto refused = [&](EntryFormat format, Flags flags) {
        Mapper limited = this->pool.mapper({.root = Pool::root(), .format = format});
        return limited.map(this->page(), this->frame(), flags).error().kind;
    };
    EXPECT_EQ(refused({.maxphyaddr = 39}, this->flags()), ErrorKind::out_of_range);
    EXPECT_EQ(refused({.nxe = false}, Flags(read)), ErrorKind::unsupported);
    if (TestFixture::size == PageSize::size_1g) {
        EXPECT_EQ(refused({.pages_1g = false}, this->flags()), ErrorKind::unsupported);
    }
    EXPECT_EQ(this->pool.used(), 0u);
    Mapper exact =
        this->pool.mapper({.root = Pool::root(), .format = {.maxphyaddr = 40, .nxe = false}});
    EXPECT_TRUE(exact.map(this->page(), this->frame(), Flags(read | execute)));
}

TYPED_TEST(MapperOf, EveryPermissionIsMappedExactlyOrRefused) {
    for (std::size_t i = 0; i < permission_count; ++i) {
        const auto permission = static_cast<Permission>(i);
        const auto mapped = this->mapper.map(this->page(), this->frame(), Flags(permission));
        if (!contains(permission, read)) {
            EXPECT_EQ(mapped.error().kind, ErrorKind::invalid_permission);
            continue;
        }
        ASSERT_TRUE(mapped);
        EXPECT_EQ(this->walk_to(this->page()).translation.permission, permission);
        auto stale = this->mapper.unmap(this->page());
        EXPECT_EQ(std::move(*stale).invalidate(this->invalidator), this->frame());
    }
}

TYPED_TEST(MapperOf, ATableThatGrantsLessIsAnErrorWithItsLevel) {
    ASSERT_TRUE(this->mapper.map(this->page_beside(), this->frame(), Flags(read)));
    for (Level level = Level::pml4; level != TestFixture::leaf_level; level = below(level)) {
        std::uint64_t& table = slot(this->pool, this->page().address(), level);
        const std::uint64_t granting = table;
        const auto denied = [&](Permission permission) {
            const auto result = this->mapper.map(this->page(), this->frame(), Flags(permission));
            const Error expected{.kind = ErrorKind::invalid_permission,
                                 .level = level,
                                 .virt = this->page().address(),
                                 .phys = PhysAddr(granting & bits::table_frame)};
            if (!result) {
                EXPECT_EQ(result.error(), expected);
                return true;
            }
            EXPECT_EQ(this->walk_to(this->page()).translation.permission, permission);
            auto stale = this->mapper.unmap(this->page());
            EXPECT_EQ(std::move(*stale).invalidate(this->invalidator), this->frame());
            return false;
        };
        table = granting & ~bits::writable;
        EXPECT_TRUE(denied(read | write));
        EXPECT_FALSE(denied(read | user | execute));
        table = granting & ~bits::user;
        EXPECT_TRUE(denied(read | user));
        EXPECT_FALSE(denied(read | write | execute));
        table = granting | bits::no_execute;
        EXPECT_TRUE(denied(read | execute));
        EXPECT_FALSE(denied(read | write | user));
        table = granting;
    }
    EXPECT_EQ(this->mapper.lookup(this->page_beside().address())->flags, Flags(read))
        << "the neighbour is as it was";
}

TYPED_TEST(MapperOf, TableOutsideTheWindowIsAnErrorWithItsPlace) {
    ASSERT_TRUE(this->mapper.map(this->page(), this->frame(), this->flags()));
    constexpr auto elsewhere = Frame4k::at<0x7777'7000>();
    for (Level level = Level::pml4; level != TestFixture::leaf_level; level = below(level)) {
        std::uint64_t& table = slot(this->pool, this->page().address(), level);
        const std::uint64_t good = std::exchange(table, Pml4e::table(elsewhere).raw());
        const Error expected{.kind = ErrorKind::not_addressable,
                             .level = below(level),
                             .virt = this->page().address(),
                             .phys = elsewhere.address()};
        EXPECT_EQ(this->mapper.map(this->page(), this->frame(), this->flags()).error(), expected);
        EXPECT_EQ(this->mapper.unmap(this->page()).error(), expected);
        EXPECT_EQ(this->mapper.lookup(this->page().address()).error(), expected);
        table = good;
    }
}

TYPED_TEST(MapperOf, MalformedEntryIsAnError) {
    ASSERT_TRUE(this->mapper.map(this->page_beside(), this->frame(), this->flags()));
    slot(this->pool, this->page().address(), Level::pml4) |= bits::page_size;
    EXPECT_EQ(
        this->mapper.map(this->page(), this->frame(), this->flags()).error(),
        (Error{
            .kind = ErrorKind::malformed, .level = Level::pml4, .virt = this->page().address()}));
    EXPECT_EQ(this->mapper.unmap(this->page()).error().kind, ErrorKind::malformed);
}

// Trap: overwriting a table entry with a large leaf leaks the table below; mapping over a large
// leaf drops it.
template <typename T>
class MapperOfLarge : public MapperOf<SizeConstant<leaf_size_of(T::value)>> {};
TYPED_TEST_SUITE(MapperOfLarge, LargeLeafLevels, LevelName);

TYPED_TEST(MapperOfLarge, DoesNotReplaceATable) {
    const auto small = Page4k::containing(this->page().address());
    ASSERT_TRUE(this->mapper.map(small, Frame4k::at<0x7000>(), this->flags()));
    const auto before = snapshot(this->pool);
    const auto table =
        *Pde(slot(this->pool, small.address(), TestFixture::leaf_level)).next_table();
    const Error expected{.kind = ErrorKind::unexpected_table,
                         .level = TestFixture::leaf_level,
                         .virt = this->page().address(),
                         .phys = table.address()};
    EXPECT_EQ(this->mapper.map(this->page(), this->frame(), this->flags()).error(), expected);
    EXPECT_EQ(this->mapper.unmap(this->page()).error(), expected);
    EXPECT_EQ(this->mapper.remap(this->page(), this->frame(), this->flags()).error(), expected);
    EXPECT_EQ(this->mapper.protect(this->page(), this->flags()).error(), expected);
    EXPECT_EQ(snapshot(this->pool), before);
}

TYPED_TEST(MapperOfLarge, IsNotReplacedBySmallerPages) {
    const auto small = Page4k::containing(this->page().address());
    ASSERT_TRUE(this->mapper.map(this->page(), this->frame(), this->flags()));
    const auto before = snapshot(this->pool);
    const Error expected{.kind = ErrorKind::unexpected_leaf,
                         .level = TestFixture::leaf_level,
                         .virt = small.address(),
                         .phys = this->frame().address()};
    EXPECT_EQ(this->mapper.map(small, Frame4k::at<0x7000>(), this->flags()).error(), expected);
    EXPECT_EQ(this->mapper.unmap(small).error(), expected) << "never skipped, never taken whole";
    EXPECT_EQ(this->mapper.remap(small, Frame4k::at<0x7000>(), this->flags()).error(), expected);
    EXPECT_EQ(this->mapper.protect(small, this->flags()).error(), expected);
    EXPECT_EQ(snapshot(this->pool), before);
}

TEST(Mapper, FrameSourceThatLeavesTheWindowChangesNothing) {
    struct Elsewhere {
        Pool* pool;
        int good;
        int outstanding = 0;
        std::optional<Frame4k> allocate_zeroed() {
            ++outstanding;
            return good-- > 0 ? pool->allocate_zeroed() : Frame4k::at<0x7777'7000>();
        }
        void free_zeroed(Frame4k table) {
            --outstanding;
            if (pool->entries(table) != nullptr) {
                pool->free_zeroed(table);
            }
        }
    };
    Pool pool;
    const auto before = snapshot(pool);
    for (const int good : {0, 1, 2}) {
        Elsewhere source{.pool = &pool, .good = good};
        Mapper mapper({.root = Pool::root()}, pool.window(), source);
        const auto result = mapper.map(Page4k::at<0x1000>(), Frame4k::at<0x1000>(), Flags(read));
        EXPECT_EQ(result.error().kind, ErrorKind::not_addressable);
        EXPECT_EQ(result.error().phys, PhysAddr(0x7777'7000));
        EXPECT_EQ(source.outstanding, 0);
        EXPECT_EQ(snapshot(pool), before);
    }
    EXPECT_FALSE(pool.gave_back_dirty());
}

}  // namespace
}  // namespace nestbed::paging::test
