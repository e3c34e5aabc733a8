// What page tables cost: the entry library beside the same work in plain C (c_page_tables.h), over
// 1 GiB of 4 KiB pages. All have the same memory for their tables, warm in the host's caches.

#include <fmt/format.h>

#include <map>
#include <optional>

#include "bench/library_page_tables.hpp"
#include "bench/run_benchmarks.hpp"
#include "bench/side_by_side.hpp"
#include "vmm/base/error.hpp"

namespace nestbed::bench {

namespace {

constexpr int repetitions = 200;
constexpr std::uint64_t pages = std::uint64_t{1} << 18;
constexpr std::uint64_t tables = pages / 512;
constexpr std::uint64_t physical = 0x40'0000'0000;
constexpr std::uint8_t maxphyaddr = 46;

constexpr c_pages with(paging::Permission permission) {
    return {.linear = 0x1000'0000'0000,
            .physical = physical,
            .count = pages,
            .flags = paging::Flags(permission).to_leaf(paging::PageSize::size_4k)};
}

constexpr c_pages read_only = with(paging::Permission::read | paging::Permission::user);
constexpr c_pages writable =
    with(paging::Permission::read | paging::Permission::write | paging::Permission::user);

/// The tables' memory and the contenders' address spaces: each has it all while it is its turn.
class Arena {
  public:
    Arena() {
        if (table_memory_open(&memory_, first_frame, tables + 16) != 0) {
            vmm::throw_error(vmm::ErrorKind::kernel_refused, "no room for the tables at {:#x}",
                             TABLE_MEMORY_DIRECT_MAP);
        }
    }

    /// Contenders whose pages are `mapped` before they work, or whose address space is empty.
    Contender library(bool mapped, LibraryWork* work, const c_pages& range) {
        return {"library", [=, this] { return work(*library_, range); },
                [=, this] { make_library(mapped); }};
    }
    Contender c(const char* name, bool mapped, c_work* work, const c_pages& range) {
        return {name, [=, this] { return work(&c_, range); }, [=, this] { make_c(mapped); }};
    }
    Contender plain_stores(const char* name, bool zeroed) {
        return {name,
                [=, this] {
                    c_store_tables(&memory_, zeroed ? 1 : 0, physical, tables, writable.flags);
                    return pages;
                },
                [this] { clear(); }};
    }

  private:
    static constexpr std::uint64_t first_frame = 0x10'0000;

    /// All memory is free again, with what the last user left in it.
    void clear() { memory_.next = first_frame; }

    void make_library(bool mapped) {
        clear();
        frames_.emplace(memory_);
        library_.emplace(paging::MapperSettings{.root = frames_->allocate_zeroed().value(),
                                                .format = {.maxphyaddr = maxphyaddr}},
                         DirectMapWindow{}, *frames_);
        if (mapped) {
            map_each(*library_, writable);
        }
    }
    void make_c(bool mapped) {
        clear();
        c_create(&c_, &memory_, maxphyaddr, /*nxe=*/1);
        if (mapped) {
            c_map_each(&c_, writable);
        }
    }

    table_memory memory_{};
    std::optional<TableFrames> frames_{};
    std::optional<Mapper> library_{};
    c_address_space c_{};
};

/// One benchmark. The library is the first contender.
struct Contest {
    std::string name;
    std::vector<Contender> contenders;
    /// What the library may cost as a multiple of a contender.
    std::map<std::string, double> limits;
    std::vector<double> cycles{};  ///< per page, one for each contender
};

std::vector<Contest> all_contests(Arena& arena) {
    const auto each = [&](const char* name, bool mapped, const c_pages& range, LibraryWork* library,
                          c_work* c, c_work* c_inlined) {
        return Contest{name,
                       {arena.library(mapped, library, range), arena.c("c", mapped, c, range),
                        arena.c("c_inlined", mapped, c_inlined, range)},
                       // Inlined C that knows one mode and one half only is more than a floor.
                       {{"c", 1.15}}};
    };
    return {
        each("map", false, writable, map_each, c_map_each, c_map_each_inlined),
        each("lookup", true, writable, lookup_each, c_lookup_each, c_lookup_each_inlined),
        each("protect", true, read_only, protect_each, c_protect_each, c_protect_each_inlined),
        each("unmap", true, writable, unmap_each, c_unmap_each, c_unmap_each_inlined),
        {"map_range",
         {arena.library(false, map_all, writable), arena.plain_stores("plain_stores", true),
          arena.plain_stores("plain_stores_unzeroed", false),
          arena.c("c_range", false, c_map_all, writable),
          arena.c("c", false, c_map_each, writable)},
         {{"plain_stores", 2.0}, {"c", 1.0 / 3}}},
    };
}

void run_contest(benchmark::State& state, Contest& contest) {
    contest.cycles.clear();
    for (const Costs& costs : run_side_by_side(state, contest.contenders)) {
        const std::string& name = contest.contenders[contest.cycles.size()].name;
        contest.cycles.push_back(median(costs.cycles) / static_cast<double>(pages));
        state.counters[name] = contest.cycles.back();
    }
}

void print(const Contest& contest) {
    fmt::print("{}\n", contest.name);
    for (std::size_t n = 0; n < contest.cycles.size(); ++n) {
        const std::string& name = contest.contenders[n].name;
        const double ratio = contest.cycles[0] / contest.cycles[n];
        fmt::print("  {:<22} {:7.2f}   library / it = {:.2f}", name, contest.cycles[n], ratio);
        if (const auto limit = contest.limits.find(name); limit != contest.limits.end()) {
            fmt::print(", of {:.2f} allowed: {}", limit->second,
                       ratio <= limit->second ? "good" : "TOO MUCH");
        }
        fmt::print("\n");
    }
}

}  // namespace

int run_benchmarks() {
    Arena arena;
    std::vector<Contest> contests = all_contests(arena);
    for (Contest& contest : contests) {
        add_benchmark("paging/" + contest.name, benchmark::kMicrosecond, repetitions,
                      [&](benchmark::State& state) { run_contest(state, contest); });
    }
    const int status = run_chosen();
    fmt::print("\nTSC cycles per 4 KiB page, medians of {} repetitions:\n", repetitions);
    for (const Contest& contest : contests) {
        if (!contest.cycles.empty()) {
            print(contest);
        }
    }
    return status;
}

}  // namespace nestbed::bench
