#include "guest/harness/user_stores.hpp"

#include <array>

#include "guest/kernel/smp.hpp"
#include "guest/kernel/user.hpp"
#include "shared/chase/chase.hpp"

namespace nestbed::guest {

namespace {

constexpr std::uint64_t word_bytes = sizeof(std::uint64_t);
constexpr std::uint64_t last_word = chase::page_bytes - word_bytes;

/// What user mode is told.
struct StoreJob {
    Blocks blocks;
    ExpectedPage expected;
};
GUEST_USER_DATA constinit StoreJob store_job{};

GUEST_USER_DATA constinit std::array<std::uint64_t, max_blocks> cycles_of_stores{};

[[gnu::always_inline]] inline std::uint64_t address_of(std::uint64_t block) {
    return test_page(block * store_job.blocks.pages);
}

[[gnu::always_inline]] constexpr std::uint64_t planted_word(std::uint64_t block) {
    return 0x706C'616E'0000'0000 + block;
}

[[gnu::always_inline]] constexpr std::uint64_t stored_word(std::uint64_t block) {
    return 0x7374'6F72'0000'0000 + block;
}

/// `store_bytes` long.
[[gnu::always_inline]] inline void store(std::uint64_t address, std::uint64_t value) {
    asm volatile("movq %%rax, (%%rdi)" : : "a"(value), "D"(address) : "memory");
}

[[gnu::always_inline]] inline volatile std::uint64_t& volatile_word(std::uint64_t address) {
    return *reinterpret_cast<volatile std::uint64_t*>(address);
}

GUEST_USER std::uint64_t plant_each(std::uint64_t first, std::uint64_t end) {
    for (std::uint64_t block = first; block < end; ++block) {
        const std::uint64_t page = address_of(block);
        volatile_word(page) = planted_word(block);
        volatile_word(page + word_bytes) = planted_word(block);
        volatile_word(page + last_word) = planted_word(block);
    }
    return 0;
}

GUEST_USER std::uint64_t read_each(std::uint64_t first, std::uint64_t end) {
    std::uint64_t not_zero = 0;
    for (std::uint64_t block = first; block < end; ++block) {
        not_zero += volatile_word(address_of(block)) == 0 ? 0 : 1;
    }
    return not_zero;
}

GUEST_USER std::uint64_t store_each(std::uint64_t first, std::uint64_t end) {
    for (std::uint64_t block = first; block < end; ++block) {
        const std::uint64_t address = address_of(block);
        const std::uint64_t value = stored_word(block);
        const std::uint64_t start = chase::ordered_tsc();
        store(address, value);
        cycles_of_stores[block - store_job.blocks.first] = chase::ordered_tsc() - start;
    }
    return 0;
}

GUEST_USER std::uint64_t check_each(std::uint64_t first, std::uint64_t end) {
    std::uint64_t wrong = 0;
    for (std::uint64_t block = first; block < end; ++block) {
        const std::uint64_t page = address_of(block);
        const std::uint64_t kept = store_job.expected.planted ? planted_word(block) : 0;
        const bool right =
            volatile_word(page) == (store_job.expected.stored ? stored_word(block) : kept) &&
            volatile_word(page + word_bytes) == kept && volatile_word(page + last_word) == kept;
        wrong += right ? 0 : 1;
    }
    return wrong;
}

std::uint64_t run_part(UserFunction function, const Blocks& blocks) {
    return run_user(function, blocks.first, blocks.first + blocks.count).value();
}

std::uint64_t run(UserFunction function, const Blocks& blocks, ExpectedPage expected = {}) {
    store_job = {blocks, expected};
    return run_part(function, blocks);
}

/// What CPU number `cpu` of `cpus` has of the blocks.
Blocks part_of(const Blocks& blocks, std::uint32_t cpu, std::uint32_t cpus) {
    const std::uint64_t begin = blocks.count * cpu / cpus;
    return blocks.part(begin, blocks.count * (cpu + 1) / cpus - begin);
}

void run_side_by_side(UserFunction function, const Blocks& blocks, std::uint32_t cpus) {
    store_job = {blocks, {}};
    Rendezvous start(cpus);
    run_on_cpus(cpus, [&](std::uint32_t cpu) {
        start.meet();
        run_part(function, part_of(blocks, cpu, cpus));
    });
}

}  // namespace

void plant(const Blocks& blocks, std::uint32_t cpus) { run_side_by_side(plant_each, blocks, cpus); }

std::uint64_t count_not_zero(const Blocks& blocks) { return run(read_each, blocks); }

void time_stores(const Blocks& blocks, std::uint32_t cpus) {
    run_side_by_side(store_each, blocks, cpus);
}

void record_stores(stats::Histogram& cycles) {
    for (std::uint64_t n = 0; n < store_job.blocks.count; ++n) {
        cycles.record(cycles_of_stores[n]);
    }
}

std::uint64_t count_wrong(const Blocks& blocks, ExpectedPage expected) {
    return run(check_each, blocks, expected);
}

}  // namespace nestbed::guest
