// What `nestbed measure dirty-log` runs, once per combination of parameters in a fresh VM.

#include <algorithm>
#include <array>

#include "guest/harness/dirty_log.hpp"
#include "guest/harness/measure.hpp"
#include "guest/harness/statistics.hpp"
#include "guest/harness/test.hpp"
#include "guest/kernel/smp.hpp"
#include "shared/channel/abi.hpp"
#include "shared/chase/chase.hpp"

namespace nestbed::guest {
namespace {

/// Writes to each page, and returns what that took, in cycles.
GUEST_USER std::uint64_t write_pages(std::uint64_t address, std::uint64_t pages) {
    const std::uint64_t start = chase::ordered_tsc();
    for (std::uint64_t n = 0; n < pages; ++n) {
        *reinterpret_cast<volatile std::uint64_t*>(address + n * 4096) = start;
    }
    return chase::ordered_tsc() - start;
}

/// How many of the first `pages` pages are not in the bitmap.
GUEST_USER std::uint64_t count_missing(std::uint64_t bitmap, std::uint64_t pages) {
    const auto* words = reinterpret_cast<const std::uint64_t*>(bitmap);
    std::uint64_t missing = 0;
    for (std::uint64_t page = 0; page < pages; ++page) {
        missing += (words[page / 64] >> page % 64 & 1) == 0 ? 1 : 0;
    }
    return missing;
}

/// Its phases one after the other, and what each took.
class DirtyLogPhases {
  public:
    /// The first pass: every page has memory behind it afterwards, and is mapped.
    void populate() { populate_.record(write_all()); }

    void enable() { enable_.record(carried_out(log_.start())); }

    /// Every page is written, found in the log, and cleared.
    void take_round(stats::Histogram& dirty) {
        dirty.record(write_all());
        collect_and_clear();
    }

    void dirty() { take_round(dirty_); }
    void dirty_again() { take_round(dirty_again_); }

    /// The same as dirty_again(), while the host counts what KVM does for the writes.
    void count_dirty_again() {
        count_over([&] { write_all(); });
        collect_and_clear();
    }

    /// Nothing was written since the last round.
    void expect_empty() { unwritten_ += log_.collect().result; }

    void disable() {
        const HostOperation stop = log_.stop();
        disable_.record(carried_out(stop));
        ring_full_ = stop.result;
    }

    void report() {
        report("dirty", dirty_);
        report("populate", populate_);
        report("enable", enable_);
        report("dirty again", dirty_again_);
        report("collect", collect_);
        report("clear", clear_);
        report("disable", disable_);
    }

  private:
    static std::uint64_t carried_out(const HostOperation& operation) {
        GUEST_REQUIRE(operation.error == 0U);
        return operation.cycles;
    }

    /// The CPUs write a part of the pages each. Returns the longest of their times.
    std::uint64_t write_all() {
        const std::uint32_t cpus = cpu_count();
        std::array<std::uint64_t, channel::max_cpus> cycles{};
        Rendezvous start(cpus);
        run_on_cpus(cpus, [&](std::uint32_t cpu) {
            const std::uint64_t first = DirtyLog::pages() * cpu / cpus;
            const std::uint64_t end = DirtyLog::pages() * (cpu + 1) / cpus;
            space_.load();
            start.meet();
            cycles[cpu] = run_user(write_pages, test_page(first), end - first).value();
        });
        return *std::max_element(cycles.begin(), cycles.end());
    }

    void collect_and_clear() {
        collect_.record(carried_out(log_.collect()));
        missing_ +=
            run_user(count_missing, reinterpret_cast<std::uint64_t>(DirtyLog::user_bitmap()),
                     DirtyLog::pages())
                .value();
        clear_.record(carried_out(log_.clear()));
    }

    void report(const char* name, const stats::Histogram& cycles) const {
        report_measurement(
            name, "cycles", cycles,
            {number("pages", DirtyLog::pages()), number("cpus", cpu_count()),
             word("log", name_of(boot_info().dirty_logging.kind)),
             number("ring_entries", boot_info().dirty_logging.ring_entries),
             number("ring_full", ring_full_), number("missing", missing_),
             number("unwritten", unwritten_), number("violations", missing_ + unwritten_)});
    }

    AddressSpace space_;
    UserMemory memory_{space_};
    DirtyLog log_{memory_};
    std::uint64_t missing_ = 0;    ///< pages that were written and were not in the log
    std::uint64_t unwritten_ = 0;  ///< pages in the log that nobody had written
    std::uint64_t ring_full_ = 0;
    // Too large for a stack.
    static constinit stats::Histogram populate_;
    static constinit stats::Histogram enable_;
    static constinit stats::Histogram dirty_;
    static constinit stats::Histogram dirty_again_;
    static constinit stats::Histogram collect_;
    static constinit stats::Histogram clear_;
    static constinit stats::Histogram disable_;
};

constinit stats::Histogram DirtyLogPhases::populate_{};
constinit stats::Histogram DirtyLogPhases::enable_{};
constinit stats::Histogram DirtyLogPhases::dirty_{};
constinit stats::Histogram DirtyLogPhases::dirty_again_{};
constinit stats::Histogram DirtyLogPhases::collect_{};
constinit stats::Histogram DirtyLogPhases::clear_{};
constinit stats::Histogram DirtyLogPhases::disable_{};

/// Parameter: `rounds`, how often all pages are written while the log is kept, the first time
/// included. The CPUs' number, the size of the test memory and the kind of log come from outside.
GUEST_TEST(measure_dirty_log, phases,
           {.test_memory = 2 << 20, .dirty_logging = {.kind = channel::DirtyLogKind::bitmap}}) {
    const std::uint64_t rounds = parameter("rounds", 3);
    GUEST_REQUIRE(rounds >= 2);
    DirtyLogPhases phases;
    phases.populate();
    phases.enable();
    phases.dirty();
    for (std::uint64_t round = 1; round < rounds; ++round) {
        phases.dirty_again();
    }
    phases.count_dirty_again();
    phases.expect_empty();
    phases.disable();
    phases.report();
}

}  // namespace
}  // namespace nestbed::guest
