// Dirty logging: what is written is in the log, and nothing else is. The same for KVM's bitmap and
// for its rings. Pages are written and read in user mode, which is native on every host.

#include "guest/harness/dirty_log.hpp"

#include <atomic>
#include <initializer_list>

#include "guest/harness/test.hpp"
#include "guest/kernel/smp.hpp"
#include "guest/suites/user_access.hpp"

namespace nestbed::guest {
namespace {

using channel::DirtyLogKind;
using paging::Frame2m;
using paging::Page2m;

constexpr std::uint64_t mib = 1 << 20;

constexpr char tags_of_bitmap[] = "needs-dirty-bitmap";
constexpr channel::DirtyLogging with_bitmap{.kind = DirtyLogKind::bitmap};
constexpr char tags_of_rings[] = "needs-dirty-ring";
/// With as few entries as KVM takes.
constexpr channel::DirtyLogging with_rings{.kind = DirtyLogKind::ring};

GUEST_USER std::uint64_t write_pages(std::uint64_t first, std::uint64_t pages) {
    for (std::uint64_t n = 0; n < pages; ++n) {
        *reinterpret_cast<volatile std::uint64_t*>(first + n * 4096) = n;
    }
    return 0;
}

GUEST_USER std::uint64_t read_pages(std::uint64_t first, std::uint64_t pages) {
    std::uint64_t sum = 0;
    for (std::uint64_t n = 0; n < pages; ++n) {
        sum += *reinterpret_cast<volatile std::uint64_t*>(first + n * 4096);
    }
    return sum;
}

void write(std::uint64_t first_page, std::uint64_t pages = 1) {
    GUEST_EXPECT(run_user(write_pages, test_page(first_page), pages).returned);
}

void read(std::uint64_t first_page, std::uint64_t pages = 1) {
    GUEST_EXPECT(run_user(read_pages, test_page(first_page), pages).returned);
}

/// An address space with a bitmap in it, loaded.
struct LoggedMemory {
    LoggedMemory() { space.load(); }

    /// Writes all pages, which maps them at every stage, and begins to log.
    void start() {
        write(0, DirtyLog::pages());
        GUEST_EXPECT_EQ(log.start().error, 0U);
    }

    AddressSpace space;
    UserMemory memory{space};
    DirtyLog log{memory};
};

/// The log has these pages; so has the bitmap afterwards.
void expect_collected(DirtyLog& log, std::initializer_list<std::uint64_t> pages) {
    GUEST_EXPECT_EQ(log.collect().result, pages.size());
    for (std::uint64_t word = 0; word < DirtyLog::pages() / 64; ++word) {
        std::uint64_t expected = 0;
        for (const std::uint64_t page : pages) {
            expected |= page / 64 == word ? std::uint64_t{1} << page % 64 : 0;
        }
        GUEST_EXPECT_EQ(log.bitmap()[word], expected);
    }
}

void has_what_is_written_and_nothing_else() {
    LoggedMemory logged;
    const std::uint64_t last = DirtyLog::pages() - 1;
    logged.start();
    expect_collected(logged.log, {});
    write(0);
    write(63, 2);
    write(100);
    write(last);
    read(1, 20);
    read(65, 10);
    read(last - 1);
    expect_collected(logged.log, {0, 63, 64, 100, last});
}

void has_a_page_again_that_is_written_again() {
    LoggedMemory logged;
    logged.start();
    for (int round = 0; round < 3; ++round) {
        write(7);
        write(8);
        write(200);
        expect_collected(logged.log, {7, 8, 200});
        logged.log.clear();
        expect_collected(logged.log, {});
        read(7, 2);
        expect_collected(logged.log, {});
        write(8);
        expect_collected(logged.log, {8});
        logged.log.clear();
    }
}

void keeps_what_is_not_cleared() {
    LoggedMemory logged;
    logged.start();
    write(5);
    write(6);
    write(70);
    expect_collected(logged.log, {5, 6, 70});
    expect_collected(logged.log, {5, 6, 70});
    logged.log.bitmap()[0] = 1 << 6;
    logged.log.bitmap()[1] = 0;
    logged.log.clear();
    expect_collected(logged.log, {5, 70});
    write(5, 2);
    expect_collected(logged.log, {5, 6, 70});
}

void is_collected_and_cleared_in_parts() {
    LoggedMemory logged;
    logged.start();
    write(63, 2);
    write(127, 2);
    GUEST_EXPECT_EQ(logged.log.collect(64, 64).result, 2U);
    GUEST_EXPECT_EQ(logged.log.bitmap()[0], 0U);
    GUEST_EXPECT_EQ(logged.log.bitmap()[1], 1U | std::uint64_t{1} << 63);
    GUEST_EXPECT_EQ(logged.log.bitmap()[2], 0U);
    logged.log.clear(64, 64);
    expect_collected(logged.log, {63, 128});
    write(64);
    expect_collected(logged.log, {63, 64, 128});
}

void is_empty_when_it_starts_again() {
    LoggedMemory logged;
    logged.start();
    write(1, 3);
    logged.log.stop();
    write(10, 3);
    GUEST_EXPECT_EQ(logged.log.start().error, 0U);
    expect_collected(logged.log, {});
    write(2);
    expect_collected(logged.log, {2});
}

/// Guest leaves of 2 MiB: the log is by pages of 4 KiB all the same. Pages that are only read would
/// be in it too where the host's pages are large: KVM splits those, and maps each that is touched
/// as the guest's leaf is, writable and dirty.
void has_small_pages_of_a_large_leaf() {
    LoggedMemory logged;
    static constexpr auto large = Page2m::at<0x4000'0000'0000>();
    const auto frame = Frame2m::from(paging::PhysAddr(boot_info().test_memory.physical));
    GUEST_REQUIRE(frame.has_value());
    expect_ok(logged.space.mapper().map(large, *frame, user_data));
    const auto at = [](std::uint64_t page) { return large.address().raw() + page * 4096; };
    GUEST_EXPECT(run_user(write_pages, at(0), DirtyLog::pages()).returned);
    GUEST_EXPECT_EQ(logged.log.start().error, 0U);
    for (const std::uint64_t page : {std::uint64_t{0}, std::uint64_t{65}, std::uint64_t{511}}) {
        GUEST_EXPECT(run_user(write_pages, at(page), 1).returned);
    }
    expect_collected(logged.log, {0, 65, 511});
    logged.log.clear();
    GUEST_EXPECT(run_user(write_pages, at(64), 2).returned);
    expect_collected(logged.log, {64, 65});
}

void has_what_each_cpu_wrote() {
    LoggedMemory logged;
    logged.start();
    run_on_cpus(4, [&](std::uint32_t cpu) {
        logged.space.load();
        write(cpu);
        write(64 + 2 * cpu);
        write(300);
    });
    expect_collected(logged.log, {0, 1, 2, 3, 64, 66, 68, 70, 300});
    logged.log.clear();
    expect_collected(logged.log, {});
    run_on_cpus(4, [](std::uint32_t cpu) { write(cpu == 3 ? 3 : 400 + cpu); });
    expect_collected(logged.log, {3, 400, 401, 402});
}

/// More pages than fit into a ring of the fewest entries.
void loses_nothing_when_a_ring_is_full() {
    LoggedMemory logged;
    logged.start();
    GUEST_EXPECT_LT(boot_info().dirty_logging.ring_entries, DirtyLog::pages());
    for (int round = 0; round < 2; ++round) {
        write(0, DirtyLog::pages());
        GUEST_EXPECT_EQ(logged.log.collect().result, DirtyLog::pages());
        logged.log.clear();
    }
    GUEST_EXPECT_EQ(logged.log.collect().result, 0U);
    const std::uint64_t times_full = logged.log.stop().result;
    if (boot_info().dirty_logging.kind == DirtyLogKind::ring) {
        GUEST_EXPECT_GT(times_full, 0U);
    } else {
        GUEST_EXPECT_EQ(times_full, 0U);
    }
}

// As in a live migration: CPUs write, while CPU 0 copies what the log says was written. When the
// writers are done and the last pages are copied, the copy must be what the memory is: a page that
// was missing in the log once, and not written again, is different.

constexpr std::uint64_t migrated_pages = 512;
constexpr std::uint32_t writers = 2;

/// In user memory, behind the bitmap. Each writer has a word of its own in every page.
struct Migration {
    std::uint64_t seen[migrated_pages / 64];  ///< pages that were in any collection
    std::uint64_t copy[migrated_pages][writers];
    struct Writer {
        /// What it wrote last, by page: its own record, in its own cache lines.
        alignas(64) std::uint64_t written[migrated_pages];
        std::atomic<std::uint64_t> writes;
    } writer[writers];
    alignas(64) std::atomic<std::uint64_t> stop;
};

constexpr std::uint64_t migration_offset = DirtyLog::most_bitmap_bytes;

GUEST_USER std::uint64_t write_at_random(std::uint64_t migration_address, std::uint64_t number) {
    auto& migration = *reinterpret_cast<Migration*>(migration_address);
    Migration::Writer& writer = migration.writer[number];
    // Knuth's MMIX generator; Random is not user mode's.
    std::uint64_t random = number;
    std::uint64_t writes = 0;
    while (migration.stop.load(std::memory_order_relaxed) == 0) {
        random = random * 6364136223846793005 + 1442695040888963407;
        const std::uint64_t page = (random >> 33) % migrated_pages;
        ++writes;
        *reinterpret_cast<volatile std::uint64_t*>(test_page(page) + 8 * number) = writes;
        writer.written[page] = writes;
        writer.writes.store(writes, std::memory_order_relaxed);
    }
    return writes;
}

/// Until every writer has written so often.
GUEST_USER std::uint64_t wait_for_writes(std::uint64_t migration_address, std::uint64_t writes) {
    auto& migration = *reinterpret_cast<Migration*>(migration_address);
    for (Migration::Writer& writer : migration.writer) {
        while (writer.writes.load(std::memory_order_relaxed) < writes) {
            asm volatile("pause");
        }
    }
    return 0;
}

GUEST_USER std::uint64_t copy_collected(std::uint64_t migration_address,
                                        std::uint64_t bitmap_address) {
    auto& migration = *reinterpret_cast<Migration*>(migration_address);
    const auto* bitmap = reinterpret_cast<const std::uint64_t*>(bitmap_address);
    for (std::uint64_t page = 0; page < migrated_pages; ++page) {
        if ((bitmap[page / 64] >> page % 64 & 1) != 0) {
            migration.seen[page / 64] |= std::uint64_t{1} << page % 64;
            for (std::uint64_t n = 0; n < writers; ++n) {
                migration.copy[page][n] =
                    *reinterpret_cast<volatile std::uint64_t*>(test_page(page) + 8 * n);
            }
        }
    }
    return 0;
}

/// Words of the copy that are not what their writer wrote last, and pages that were written and
/// never collected.
GUEST_USER std::uint64_t count_wrong(std::uint64_t migration_address, std::uint64_t) {
    const auto& migration = *reinterpret_cast<const Migration*>(migration_address);
    std::uint64_t wrong = 0;
    for (std::uint64_t page = 0; page < migrated_pages; ++page) {
        const bool seen = (migration.seen[page / 64] >> page % 64 & 1) != 0;
        for (std::uint64_t n = 0; n < writers; ++n) {
            const std::uint64_t written = migration.writer[n].written[page];
            wrong += migration.copy[page][n] != written ? 1 : 0;
            wrong += written != 0 && !seen ? 1 : 0;
        }
    }
    return wrong;
}

void loses_nothing_while_it_is_collected() {
    constexpr std::uint64_t rounds = 20;
    constexpr std::uint64_t writes_of_a_round = 100;
    LoggedMemory logged;
    const auto migration =
        reinterpret_cast<std::uint64_t>(UserMemory::at<Migration>(migration_offset));
    const auto bitmap = reinterpret_cast<std::uint64_t>(DirtyLog::user_bitmap());
    const auto copy_what_was_written = [&] {
        GUEST_EXPECT_EQ(logged.log.collect().error, 0U);
        GUEST_EXPECT_EQ(logged.log.clear().error, 0U);
        GUEST_EXPECT(run_user(copy_collected, migration, bitmap).returned);
    };
    // All zero, as is the copy, before a page is written.
    GUEST_EXPECT_EQ(host_operation(HostOperationId::populate, 0, migrated_pages).error, 0U);
    GUEST_EXPECT_EQ(logged.log.start().error, 0U);
    run_on_cpus(1 + writers, [&](std::uint32_t cpu) {
        logged.space.load();
        if (cpu != 0) {
            GUEST_EXPECT(run_user(write_at_random, migration, cpu - 1).returned);
            return;
        }
        for (std::uint64_t round = 1; round <= rounds; ++round) {
            GUEST_EXPECT(run_user(wait_for_writes, migration, round * writes_of_a_round).returned);
            copy_what_was_written();
        }
        logged.memory.in_kernel<Migration>(migration_offset)
            ->stop.store(1, std::memory_order_relaxed);
    });
    copy_what_was_written();
    GUEST_EXPECT_EQ(run_user(count_wrong, migration).value(), 0U);
}

#define TESTS_OF(log)                                                                              \
    GUEST_TEST(dirty_log, log##_has_what_is_written_and_nothing_else,                              \
               {.test_memory = 4 * mib, .dirty_logging = with_##log, .tags = tags_of_##log}) {     \
        has_what_is_written_and_nothing_else();                                                    \
    }                                                                                              \
    GUEST_TEST(dirty_log, log##_has_a_page_again_that_is_written_again,                            \
               {.test_memory = 2 * mib, .dirty_logging = with_##log, .tags = tags_of_##log}) {     \
        has_a_page_again_that_is_written_again();                                                  \
    }                                                                                              \
    GUEST_TEST(dirty_log, log##_keeps_what_is_not_cleared,                                         \
               {.test_memory = 2 * mib, .dirty_logging = with_##log, .tags = tags_of_##log}) {     \
        keeps_what_is_not_cleared();                                                               \
    }                                                                                              \
    GUEST_TEST(dirty_log, log##_is_collected_and_cleared_in_parts,                                 \
               {.test_memory = 2 * mib, .dirty_logging = with_##log, .tags = tags_of_##log}) {     \
        is_collected_and_cleared_in_parts();                                                       \
    }                                                                                              \
    GUEST_TEST(dirty_log, log##_is_empty_when_it_starts_again,                                     \
               {.test_memory = 2 * mib, .dirty_logging = with_##log, .tags = tags_of_##log}) {     \
        is_empty_when_it_starts_again();                                                           \
    }                                                                                              \
    GUEST_TEST(dirty_log, log##_has_small_pages_of_a_large_leaf,                                   \
               {.test_memory = 2 * mib, .dirty_logging = with_##log, .tags = tags_of_##log}) {     \
        has_small_pages_of_a_large_leaf();                                                         \
    }                                                                                              \
    GUEST_TEST(                                                                                    \
        dirty_log, log##_has_what_each_cpu_wrote,                                                  \
        {.cpus = 4, .test_memory = 2 * mib, .dirty_logging = with_##log, .tags = tags_of_##log}) { \
        has_what_each_cpu_wrote();                                                                 \
    }                                                                                              \
    GUEST_TEST(dirty_log, log##_loses_nothing_when_a_ring_is_full,                                 \
               {.test_memory = 8 * mib, .dirty_logging = with_##log, .tags = tags_of_##log}) {     \
        loses_nothing_when_a_ring_is_full();                                                       \
    }                                                                                              \
    GUEST_TEST(dirty_log, log##_loses_nothing_while_it_is_collected,                               \
               {.cpus = 1 + writers,                                                               \
                .test_memory = 2 * mib,                                                            \
                .dirty_logging = with_##log,                                                       \
                .tags = tags_of_##log}) {                                                          \
        loses_nothing_while_it_is_collected();                                                     \
    }

TESTS_OF(bitmap)
TESTS_OF(rings)

GUEST_TEST(dirty_log, may_begin_with_all_pages,
           {.test_memory = 2 * mib,
            .dirty_logging = {.kind = DirtyLogKind::bitmap, .initially_set = 1},
            .tags = tags_of_bitmap}) {
    LoggedMemory logged;
    logged.start();
    GUEST_EXPECT_EQ(logged.log.collect().result, DirtyLog::pages());
    logged.log.clear();
    expect_collected(logged.log, {});
    write(9);
    expect_collected(logged.log, {9});
}

}  // namespace
}  // namespace nestbed::guest
