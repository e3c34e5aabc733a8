// The floor is honest only if it does what the library does: the same translations, the same
// errors.

#include "bench/c_page_tables.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <utility>

#include "bench/library_page_tables.hpp"
#include "shared/paging/walk.hpp"

namespace nestbed::bench {

namespace {

using paging::Flags;
using paging::Frame4k;
using paging::Level;
using paging::Page4k;
using paging::Permission;
using paging::PhysAddr;
using paging::VirtAddr;

constexpr std::uint64_t linear = 0x1234'5678'9000;
constexpr std::uint64_t physical = 0x12'3456'7000;
constexpr Flags read_only(Permission::read | Permission::user | Permission::execute);
constexpr Flags writable(Permission::read | Permission::write | Permission::user);

constexpr Permission all_readable[] = {
    Permission::read,
    Permission::read | Permission::write,
    Permission::read | Permission::user,
    Permission::read | Permission::write | Permission::user,
    Permission::read | Permission::execute,
    Permission::read | Permission::write | Permission::execute,
    Permission::read | Permission::user | Permission::execute,
    Permission::read | Permission::write | Permission::user | Permission::execute,
};

std::uint64_t bits_of(Flags flags) { return flags.to_leaf(paging::PageSize::size_4k); }

/// How the floor names what the library answered.
template <typename T>
c_error as_c(const paging::Result<T>& result) {
    return result.has_value() ? c_ok
                              : static_cast<c_error>(static_cast<int>(result.error().kind) + 1);
}

/// An empty address space of each kind, in one memory.
class Floor : public testing::Test {
  protected:
    static constexpr std::uint64_t first_frame = 0x10'0000;
    static constexpr std::uint64_t frame_count = 64;

    static table_memory& memory() {
        static table_memory opened = [] {
            table_memory memory{};
            EXPECT_EQ(table_memory_open(&memory, first_frame, frame_count), 0);
            return memory;
        }();
        return opened;
    }

    void SetUp() override { make(true); }

    void make(bool nxe) {
        memory().next = first_frame;
        memory().end = first_frame + frame_count * 4096;
        ASSERT_EQ(c_create(&c_, &memory(), 46, nxe ? 1 : 0), c_ok);
        frames_.emplace(memory());
        library_.emplace(paging::MapperSettings{.root = frames_->allocate_zeroed().value(),
                                                .format = {.maxphyaddr = 46, .nxe = nxe}},
                         DirectMapWindow{}, *frames_);
    }

    /// Maps on both, which must answer alike.
    c_error map(std::uint64_t at, std::uint64_t to, Flags flags) {
        const c_error error = c_map_page(&c_, at, to, bits_of(flags));
        EXPECT_EQ(as_c(library_map(at, to, flags)), error);
        return error;
    }
    c_error protect(std::uint64_t at, Flags flags) {
        std::uint64_t old = 0;
        int owed = 0;
        const c_error error = c_protect_page(&c_, at, bits_of(flags), &old, &owed);
        const auto page = Page4k::from(VirtAddr(at));
        if (!page) {
            EXPECT_EQ(as_c(page), error);
            return error;
        }
        auto stale = library_->protect(*page, flags);
        EXPECT_EQ(as_c(stale), error);
        if (stale) {
            EXPECT_EQ(stale->old_entry().raw(), old);
            EXPECT_EQ(stale->owed(), owed != 0);
            std::move(*stale).invalidate([](const auto&) {});
        }
        return error;
    }
    c_error unmap(std::uint64_t at) {
        std::uint64_t old = 0;
        std::uint64_t frame = 0;
        const c_error error = c_unmap_page(&c_, at, &frame, &old);
        const auto page = Page4k::from(VirtAddr(at));
        if (!page) {
            EXPECT_EQ(as_c(page), error);
            return error;
        }
        auto stale = library_->unmap(*page);
        EXPECT_EQ(as_c(stale), error);
        if (stale) {
            EXPECT_EQ(stale->old_entry().raw(), old);
            EXPECT_EQ(std::move(*stale).invalidate([](const auto&) {}).address().raw(), frame);
        }
        return error;
    }
    c_error lookup(std::uint64_t at) {
        c_mapping found{};
        const c_error error = c_lookup(&c_, at, &found);
        const auto mapping = library_->lookup(VirtAddr(at));
        EXPECT_EQ(as_c(mapping), error);
        if (mapping) {
            EXPECT_EQ(mapping->address.raw(), found.physical);
            EXPECT_EQ(paging::bytes_of(mapping->size), found.size);
            EXPECT_EQ(bits_of(mapping->flags), found.flags);
            EXPECT_EQ(mapping->raw, found.raw);
        }
        return error;
    }

    /// Writes the entry that answers for an address at a level, on both; the tables above exist.
    void set_entry(Level level, std::uint64_t at, std::uint64_t raw) {
        for (std::uint64_t root : {c_.root, library_->settings().root.address().raw()}) {
            std::uint64_t table = root;
            for (Level l = Level::pml4; l != level; l = paging::below(l)) {
                table = entries(table)[paging::index_of(l, VirtAddr(at))] & 0xF'FFFF'FFFF'F000;
            }
            entries(table)[paging::index_of(level, VirtAddr(at))] = raw;
        }
    }

    /// What the processor makes of an address.
    static paging::WalkResult walk(std::uint64_t root, std::uint64_t at) {
        return paging::walk(paging::WindowReader(DirectMapWindow{}),
                            Frame4k::from(PhysAddr(root)).value(), at, {}, {});
    }
    void expect_same_walk(std::uint64_t at) { expect_same_walk(c_.root, at); }
    void expect_same_walk(std::uint64_t root, std::uint64_t at) {
        const auto c = walk(root, at);
        const auto library = walk(library_->settings().root.address().raw(), at);
        EXPECT_EQ(c.outcome, library.outcome);
        EXPECT_EQ(c.translation.address, library.translation.address);
        EXPECT_EQ(c.translation.permission, library.translation.permission);
        EXPECT_EQ(c.translation.leaf_flags, library.translation.leaf_flags);
    }

    static std::uint64_t* entries(std::uint64_t table) {
        return DirectMapWindow{}(Frame4k::from(PhysAddr(table)).value());
    }

    c_address_space c_{};
    std::optional<TableFrames> frames_{};
    std::optional<Mapper> library_{};

  private:
    paging::Result<void> library_map(std::uint64_t at, std::uint64_t to, Flags flags) {
        const auto page = Page4k::from(VirtAddr(at));
        const auto frame = Frame4k::from(PhysAddr(to));
        if (!page) {
            return page.error();
        }
        if (!frame) {
            return frame.error();
        }
        return library_->map(*page, *frame, flags);
    }
};

TEST_F(Floor, MapsLooksUpProtectsAndUnmapsAsTheLibrary) {
    for (const std::uint64_t at : {linear, linear + 4096, linear + 0x20'0000, std::uint64_t{0}}) {
        EXPECT_EQ(map(at, physical + at, writable), c_ok);
        expect_same_walk(at);
        EXPECT_EQ(lookup(at + 0x123), c_ok);
        EXPECT_EQ(protect(at, read_only), c_ok);
        EXPECT_EQ(protect(at, read_only), c_ok);
        EXPECT_EQ(protect(at, writable), c_ok);
        EXPECT_EQ(protect(at, Flags(Permission::read)), c_ok);
        expect_same_walk(at);
        EXPECT_EQ(unmap(at), c_ok);
        expect_same_walk(at);
        EXPECT_EQ(lookup(at), c_not_exist);
        EXPECT_EQ(map(at, physical, writable), c_ok);
    }
}

TEST_F(Floor, OwesAnInvalidationWhenTheLibraryDoes) {
    ASSERT_EQ(map(linear, physical, read_only), c_ok);
    for (const Permission from : all_readable) {
        for (const Permission to : all_readable) {
            EXPECT_EQ(protect(linear, Flags(from)), c_ok);
            EXPECT_EQ(protect(linear, Flags(to)), c_ok);
        }
    }
}

TEST_F(Floor, RefusesAddressesAsTheLibrary) {
    constexpr std::pair<std::uint64_t, c_error> bad[] = {
        {linear + 1, c_unaligned},
        {0x0000'8000'0000'0000, c_not_canonical},
        {0xFFFF'7FFF'FFFF'F000, c_not_canonical},
        {0xFFFF'8000'0000'0000, c_kernel_half},
        {0xFFFF'FFFF'FFFF'F000, c_kernel_half},
    };
    for (const auto& [at, error] : bad) {
        EXPECT_EQ(map(at, physical, writable), error);
        EXPECT_EQ(protect(at, writable), error);
        EXPECT_EQ(unmap(at), error);
    }
    EXPECT_EQ(lookup(0x0000'8000'0000'0000), c_not_canonical);
    EXPECT_EQ(lookup(0xFFFF'8000'0000'0000), c_not_exist);
}

TEST_F(Floor, RefusesFramesAndFlagsAsTheLibrary) {
    EXPECT_EQ(map(linear, physical + 8, writable), c_unaligned);
    EXPECT_EQ(map(linear, std::uint64_t{1} << 46, writable), c_out_of_range);
    EXPECT_EQ(map(linear, std::uint64_t{1} << 63, writable), c_out_of_range);
    EXPECT_EQ(map(linear, physical, Flags(Permission::write)), c_invalid_permission);
    make(/*nxe=*/false);
    EXPECT_EQ(map(linear, physical, writable), c_unsupported);
    EXPECT_EQ(map(linear, physical, read_only), c_ok);
    EXPECT_EQ(protect(linear, writable), c_unsupported);
}

TEST_F(Floor, RefusesWhatIsInTheWayAsTheLibrary) {
    EXPECT_EQ(unmap(linear), c_not_exist);
    EXPECT_EQ(protect(linear, writable), c_not_exist);
    ASSERT_EQ(map(linear, physical, writable), c_ok);
    EXPECT_EQ(map(linear, physical, writable), c_duplicated);
    EXPECT_EQ(unmap(linear + 4096), c_not_exist);
    EXPECT_EQ(protect(linear + 4096, writable), c_not_exist);

    constexpr std::uint64_t elsewhere = linear + 4096;
    set_entry(Level::pt, elsewhere, 0xABC0);
    EXPECT_EQ(map(elsewhere, physical, writable), c_occupied);
    set_entry(Level::pd, elsewhere + 0x20'0000, 0xABC0);
    EXPECT_EQ(map(elsewhere + 0x20'0000, physical, writable), c_occupied);

    // A 2 MiB page, with PAT set.
    set_entry(Level::pd, linear, 0x8000'0000'1087);
    EXPECT_EQ(lookup(linear), c_ok);
    EXPECT_EQ(map(linear, physical, writable), c_unexpected_leaf);
    EXPECT_EQ(protect(linear, writable), c_unexpected_leaf);
    EXPECT_EQ(unmap(linear), c_unexpected_leaf);
    // A 1 GiB page.
    set_entry(Level::pdpt, linear, 0x8000'4000'0087);
    EXPECT_EQ(lookup(linear), c_ok);
    EXPECT_EQ(map(linear, physical, writable), c_unexpected_leaf);
    // A table for the supervisor only, and one from which nothing is executed.
    set_entry(Level::pdpt, linear, 0x10'0003);
    EXPECT_EQ(map(linear, physical, writable), c_invalid_permission);
    set_entry(Level::pdpt, linear, 0x8000'0000'0010'0007);
    EXPECT_EQ(map(linear, physical, read_only), c_invalid_permission);
    set_entry(Level::pml4, linear, 0x10'0087);
    EXPECT_EQ(map(linear, physical, writable), c_malformed);
    EXPECT_EQ(unmap(linear), c_malformed);
}

TEST_F(Floor, RunsOutOfFramesAsTheLibrary) {
    memory().end = memory().next;
    EXPECT_EQ(map(linear, physical, writable), c_out_of_frames);
}

TEST_F(Floor, MapsARangeAsPageByPage) {
    constexpr std::uint64_t pages = 700;
    const std::uint64_t flags = bits_of(writable);
    EXPECT_EQ(c_map_range(&c_, {linear, physical, pages, flags}), c_ok);
    EXPECT_EQ(map_each(*library_, {linear, physical, pages, flags}), pages);
    for (std::uint64_t page = 0; page <= pages; ++page) {
        expect_same_walk(linear + page * 4096);
    }
    EXPECT_EQ(c_map_range(&c_, {linear + (pages - 1) * 4096, physical, 2, flags}), c_duplicated);
    EXPECT_EQ(c_map_range(&c_, {0x7FFF'FFFF'F000, physical, 2, flags}), c_not_canonical);
    EXPECT_EQ(c_map_range(&c_, {0, (std::uint64_t{1} << 46) - 4096, 2, flags}), c_out_of_range);
}

TEST_F(Floor, PlainStoresMakeTheSameTranslations) {
    constexpr std::uint64_t tables = 3;
    constexpr std::uint64_t pages = tables * 512;
    const std::uint64_t root =
        c_store_tables(&memory(), /*zeroed=*/1, physical, tables, bits_of(writable));
    EXPECT_EQ(map_each(*library_, {0, physical, pages, bits_of(writable)}), pages);
    for (std::uint64_t page = 0; page <= pages; ++page) {
        expect_same_walk(root, page * 4096);
    }
}

TEST_F(Floor, SumsAsTheLibrary) {
    const c_pages pages{linear, physical, 600, bits_of(writable)};
    const c_pages read_only_pages{linear, physical, 600, bits_of(read_only)};
    EXPECT_EQ(c_map_each(&c_, pages), map_each(*library_, pages));
    EXPECT_EQ(c_lookup_each(&c_, pages), lookup_each(*library_, pages));
    EXPECT_EQ(c_protect_each(&c_, read_only_pages), protect_each(*library_, read_only_pages));
    EXPECT_EQ(c_unmap_each(&c_, pages), unmap_each(*library_, pages));
    EXPECT_EQ(c_unmap_each(&c_, pages), 0U);
}

TEST_F(Floor, SumsAsTheLibraryWhenInlined) {
    const c_pages pages{linear, physical, 600, bits_of(writable)};
    const c_pages read_only_pages{linear, physical, 600, bits_of(read_only)};
    EXPECT_EQ(c_map_each_inlined(&c_, pages), map_each(*library_, pages));
    EXPECT_EQ(c_lookup_each_inlined(&c_, pages), lookup_each(*library_, pages));
    EXPECT_EQ(c_protect_each_inlined(&c_, read_only_pages),
              protect_each(*library_, read_only_pages));
    EXPECT_EQ(c_unmap_each_inlined(&c_, pages), unmap_each(*library_, pages));
    EXPECT_EQ(c_unmap_each_inlined(&c_, pages), 0U);
}

}  // namespace

}  // namespace nestbed::bench
