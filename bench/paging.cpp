// What page tables cost: the entry library beside the same work in plain C (c_page_tables.h), over
// 1 GiB of 4 KiB pages. All have the same memory for their tables, warm in the host's caches.

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/c_page_tables.h"
#include "bench/library_page_tables.hpp"
#include "bench/run_benchmarks.hpp"
#include "bench/side_by_side.hpp"
#include "shared/paging/fatal.hpp"

void nestbed_paging_fatal(const char* message) noexcept {
    std::fprintf(stderr, "paging: %s\n", message);
    std::abort();
}

namespace nestbed::bench {

namespace {

constexpr int repetitions = 200;
constexpr std::uint64_t pages = std::uint64_t{1} << 18;
constexpr std::uint64_t tables = pages / 512;
constexpr std::uint64_t linear = 0x1000'0000'0000;
constexpr std::uint64_t physical = 0x40'0000'0000;
constexpr std::uint8_t maxphyaddr = 46;

constexpr paging::Flags read_only(paging::Permission::read | paging::Permission::user);
constexpr paging::Flags writable(paging::Permission::read | paging::Permission::write |
                                 paging::Permission::user);

constexpr std::uint64_t bits_of(paging::Flags flags) {
    return flags.to_leaf(paging::PageSize::size_4k);
}

/// Where the tables lie, and the address spaces of the contenders, of which each has it all while
/// it is its turn.
class Arena {
  public:
    Arena() : opened_(table_memory_open(&memory_, first_frame, tables + 16) == 0) {}

    bool is_open() const { return opened_; }
    Mapper& library() { return *library_; }
    c_address_space* c() { return &c_; }
    table_memory* memory() { return &memory_; }

    /// All memory is free again, with what the last user left in it.
    void clear() { memory_.next = first_frame; }

    void make_library() {
        clear();
        frames_.emplace(memory_);
        library_.emplace(paging::MapperSettings{.root = frames_->allocate_zeroed().value(),
                                                .format = {.maxphyaddr = maxphyaddr}},
                         DirectMapWindow{}, *frames_);
    }
    void make_mapped_library() {
        make_library();
        map_each(*library_, linear, physical, pages, writable);
    }
    void make_c() {
        clear();
        c_create(&c_, &memory_, maxphyaddr, /*nxe=*/1);
    }
    void make_mapped_c() {
        make_c();
        c_map_each(&c_, linear, physical, pages, bits_of(writable));
    }

  private:
    static constexpr std::uint64_t first_frame = 0x10'0000;

    table_memory memory_{};
    bool opened_;
    std::optional<TableFrames> frames_{};
    std::optional<Mapper> library_{};
    c_address_space c_{};
};

/// What the library may cost as a multiple of another contender.
struct Limit {
    std::string name;
    /// None if it is not held to it.
    std::optional<double> ratio;
};

/// One benchmark. The library is the first contender.
struct Contest {
    std::string name;
    std::vector<Contender> contenders;
    std::vector<Limit> limits;
    std::vector<double> cycles{};  ///< per page, one for each contender

    double cycles_of(const std::string& contender) const {
        for (std::size_t i = 0; i < contenders.size(); ++i) {
            if (contenders[i].name == contender) {
                return cycles.at(i);
            }
        }
        std::abort();
    }
};

std::vector<Contest> all_contests(Arena& arena) {
    const auto each = [](std::string name, std::vector<Contender> contenders) {
        // Inlined, C that knows one paging mode and one half only is more than a floor.
        return Contest{
            std::move(name), std::move(contenders), {{"c", 1.15}, {"c_inlined", std::nullopt}}};
    };
    const auto make_library = [&] { arena.make_library(); };
    const auto make_mapped_library = [&] { arena.make_mapped_library(); };
    const auto make_c = [&] { arena.make_c(); };
    const auto make_mapped_c = [&] { arena.make_mapped_c(); };
    const Contender c_map_page_by_page = {
        "c", make_c,
        [&] { return c_map_each(arena.c(), linear, physical, pages, bits_of(writable)); }};
    const auto store_tables = [&arena](int zeroed) {
        return [&arena, zeroed]() -> std::uint64_t {
            c_store_tables(arena.memory(), zeroed, physical, tables, bits_of(writable));
            return pages;
        };
    };

    return {
        each("map", {{"library", make_library,
                      [&] { return map_each(arena.library(), linear, physical, pages, writable); }},
                     c_map_page_by_page,
                     {"c_inlined", make_c,
                      [&] {
                          return c_map_each_inlined(arena.c(), linear, physical, pages,
                                                    bits_of(writable));
                      }}}),
        each("lookup",
             {{"library", make_mapped_library,
               [&] { return lookup_each(arena.library(), linear, pages); }},
              {"c", make_mapped_c, [&] { return c_lookup_each(arena.c(), linear, pages); }},
              {"c_inlined", make_mapped_c,
               [&] { return c_lookup_each_inlined(arena.c(), linear, pages); }}}),
        each("protect",
             {{"library", make_mapped_library,
               [&] { return protect_each(arena.library(), linear, pages, read_only); }},
              {"c", make_mapped_c,
               [&] { return c_protect_each(arena.c(), linear, pages, bits_of(read_only)); }},
              {"c_inlined", make_mapped_c,
               [&] {
                   return c_protect_each_inlined(arena.c(), linear, pages, bits_of(read_only));
               }}}),
        each("unmap", {{"library", make_mapped_library,
                        [&] { return unmap_each(arena.library(), linear, pages); }},
                       {"c", make_mapped_c, [&] { return c_unmap_each(arena.c(), linear, pages); }},
                       {"c_inlined", make_mapped_c,
                        [&] { return c_unmap_each_inlined(arena.c(), linear, pages); }}}),
        {"map_range",
         {{"library", make_library,
           [&] { return map_all(arena.library(), linear, physical, pages, writable); }},
          {"plain_stores", [&] { arena.clear(); }, store_tables(/*zeroed=*/1)},
          {"plain_stores_unzeroed", [&] { arena.clear(); }, store_tables(/*zeroed=*/0)},
          {"c_range", make_c,
           [&] { return c_map_all(arena.c(), linear, physical, pages, bits_of(writable)); }},
          c_map_page_by_page},
         {{"plain_stores", 2.0}, {"c", 1.0 / 3}}},
    };
}

void run_contest(benchmark::State& state, Contest& contest) {
    contest.cycles = run_side_by_side(state, contest.contenders);
    for (std::size_t i = 0; i < contest.cycles.size(); ++i) {
        contest.cycles[i] /= static_cast<double>(pages);
        state.counters[contest.contenders[i].name] = contest.cycles[i];
    }
}

void print(const std::vector<Contest>& contests) {
    std::printf("\nTSC cycles per 4 KiB page, medians of %d repetitions:\n", repetitions);
    for (const Contest& contest : contests) {
        if (contest.cycles.empty()) {
            continue;
        }
        std::printf("%s\n", contest.name.c_str());
        for (std::size_t i = 0; i < contest.contenders.size(); ++i) {
            std::printf("  %-22s %7.2f\n", contest.contenders[i].name.c_str(), contest.cycles[i]);
        }
        for (const Limit& limit : contest.limits) {
            const double ratio = contest.cycles[0] / contest.cycles_of(limit.name);
            std::printf("  library / %s = %.2f", limit.name.c_str(), ratio);
            if (limit.ratio) {
                std::printf(", of %.2f allowed: %s", *limit.ratio,
                            ratio <= *limit.ratio ? "good" : "TOO MUCH");
            }
            std::printf("\n");
        }
    }
}

}  // namespace

int run_benchmarks() {
    Arena arena;
    if (!arena.is_open()) {
        std::fprintf(stderr, "paging: no room for the tables at %#llx\n",
                     static_cast<unsigned long long>(TABLE_MEMORY_DIRECT_MAP));
        return 1;
    }
    std::vector<Contest> contests = all_contests(arena);
    for (Contest& contest : contests) {
        benchmark::RegisterBenchmark(
            ("paging/" + contest.name).c_str(),
            [&contest](benchmark::State& state) { run_contest(state, contest); })
            ->UseManualTime()
            ->Unit(benchmark::kMicrosecond)
            ->Iterations(repetitions);
    }
    benchmark::RunSpecifiedBenchmarks();
    print(contests);
    return 0;
}

}  // namespace nestbed::bench
