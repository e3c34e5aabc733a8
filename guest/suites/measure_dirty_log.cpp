// What `nestbed measure dirty-log` runs, once per combination of parameters in a fresh VM.

#include <algorithm>
#include <array>
#include <utility>

#include "guest/harness/dirty_log.hpp"
#include "guest/harness/measure.hpp"
#include "guest/harness/statistics.hpp"
#include "guest/harness/study_parameter.hpp"
#include "guest/harness/test.hpp"
#include "guest/kernel/smp.hpp"
#include "shared/channel/abi.hpp"
#include "shared/chase/chase.hpp"

namespace nestbed::guest {
namespace {

constexpr std::uint64_t golden_ratio = 0x9E37'79B9'7F4A'7C15;

/// What a CPU is to do with a part of the pages, in user memory. The rest of them it reads.
struct alignas(64) Pass {
    std::uint64_t first;
    std::uint64_t pages;
    std::uint64_t random;  ///< 1: in a random order, 0: one behind the other
    std::uint64_t writes;  ///< pages of a hundred that are written
    std::uint64_t round;   ///< which ones, and in which order, is another one's in each
};

/// The same on whichever CPU and whenever it is asked.
[[gnu::always_inline]] inline bool is_written(const Pass& pass, std::uint64_t page) {
    return ((page * 128 + pass.round) * golden_ratio >> 32) % 100 < pass.writes;
}

[[gnu::always_inline]] inline void touch(const Pass& pass, std::uint64_t page) {
    auto* const word = reinterpret_cast<volatile std::uint64_t*>(test_page(page));
    if (is_written(pass, page)) {
        *word = pass.round;
    } else {
        [[maybe_unused]] const std::uint64_t read = *word;
    }
}

/// Returns what it took, in cycles.
GUEST_USER std::uint64_t touch_in_order(std::uint64_t pass_address, std::uint64_t) {
    const auto& pass = *reinterpret_cast<const Pass*>(pass_address);
    const std::uint64_t start = chase::ordered_tsc();
    for (std::uint64_t n = 0; n < pass.pages; ++n) {
        touch(pass, pass.first + n);
    }
    return chase::ordered_tsc() - start;
}

/// The same, each page once. `bits`: of the number of pages. The order is that of a bijection of
/// all numbers of so many bits; those that are no page's are passed over.
GUEST_USER std::uint64_t touch_at_random(std::uint64_t pass_address, std::uint64_t bits) {
    const auto& pass = *reinterpret_cast<const Pass*>(pass_address);
    const std::uint64_t mask = (std::uint64_t{1} << bits) - 1;
    const std::uint64_t half = bits / 2 + 1;
    const std::uint64_t start = chase::ordered_tsc();
    for (std::uint64_t n = 0; n <= mask; ++n) {
        std::uint64_t page = (n + pass.round * golden_ratio) & mask;
        page ^= page >> half;
        page = page * golden_ratio & mask;
        page ^= page >> half;
        if (page < pass.pages) {
            touch(pass, pass.first + page);
        }
    }
    return chase::ordered_tsc() - start;
}

/// What a collected bitmap is beside what was written, in user memory.
struct Verdict {
    std::uint64_t judged;  ///< pages, of all bitmaps
    std::uint64_t written;
    std::uint64_t missing;    ///< written and not in the bitmap
    std::uint64_t unwritten;  ///< in the bitmap and not written
};

/// Of all pages that `pass` was for. Adds to the verdict.
GUEST_USER std::uint64_t judge(std::uint64_t pass_address, std::uint64_t verdict_address) {
    const auto& pass = *reinterpret_cast<const Pass*>(pass_address);
    auto& verdict = *reinterpret_cast<Verdict*>(verdict_address);
    const std::uint64_t* const bitmap = DirtyLog::user_bitmap();
    for (std::uint64_t page = 0; page < pass.pages; ++page) {
        const bool written = is_written(pass, page);
        const bool logged = (bitmap[page / 64] >> page % 64 & 1) != 0;
        verdict.written += written ? 1 : 0;
        verdict.missing += written && !logged ? 1 : 0;
        verdict.unwritten += logged && !written ? 1 : 0;
    }
    verdict.judged += pass.pages;
    return 0;
}

// In user memory, behind the bitmap: a pass for each CPU, one that has all pages, and the verdict.
constexpr std::uint64_t passes_offset = DirtyLog::most_bitmap_bytes;
constexpr std::uint64_t whole_pass_offset = passes_offset + channel::max_cpus * sizeof(Pass);
constexpr std::uint64_t verdict_offset = whole_pass_offset + sizeof(Pass);

std::uint64_t in_user_memory(std::uint64_t offset) {
    return reinterpret_cast<std::uint64_t>(UserMemory::at<std::uint64_t>(offset));
}

std::uint64_t bits_of(std::uint64_t pages) {
    std::uint64_t bits = 0;
    while (std::uint64_t{1} << bits < pages) {
        ++bits;
    }
    return bits;
}

struct PassSettings {
    study::Pattern pattern;
    std::uint64_t writes;  ///< pages of a hundred that are written once the log is on
    bool lose_page;        ///< page 0 is taken out of the first log, to see that it is missed
};

/// Its phases one after the other, and what each took.
class DirtyLogPhases {
  public:
    explicit DirtyLogPhases(const PassSettings& settings) : settings_(settings) {}

    /// The first pass: every page has memory behind it afterwards, and is mapped.
    void populate() { populate_.record(touch_all(100)); }

    /// What writing takes by itself.
    void write() { write_.record(touch_all(settings_.writes)); }

    void enable() { enable_.record(carried_out(log_.start())); }

    /// Pages are written, found in the log, and cleared.
    void take_round(stats::Histogram& dirty) {
        dirty.record(touch_all(settings_.writes));
        collect_and_clear();
    }

    void dirty() {
        take_round(dirty_);
        if (boot_info().dirty_logging.initially_set != 0) {
            // Such a log has all pages the first time, and rightly so.
            verdict().unwritten = 0;
        }
    }
    void dirty_again() { take_round(dirty_again_); }

    /// The same as dirty_again(), while the host counts what KVM does for the writes.
    void count_dirty_again() {
        count_over([&] { touch_all(settings_.writes); });
        collect_and_clear();
    }

    /// Nothing was written since the last round.
    void expect_empty() { left_over_ += log_.collect().result; }

    void disable() {
        const HostOperation stop = log_.stop();
        disable_.record(carried_out(stop));
        ring_full_ = stop.result;
    }

    /// As dirty_again(), without a log.
    void dirty_unlogged() { dirty_unlogged_.record(touch_all(settings_.writes)); }

    void report() {
        report("dirty", dirty_);
        report("populate", populate_);
        report("write", write_);
        report("enable", enable_);
        report("dirty again", dirty_again_, Counted::yes);
        report("collect", collect_);
        report("clear", clear_);
        report("disable", disable_);
        report("dirty unlogged", dirty_unlogged_);
    }

  private:
    static std::uint64_t carried_out(const HostOperation& operation) {
        GUEST_REQUIRE(operation.error == 0U);
        return operation.cycles;
    }

    Verdict& verdict() { return *memory_.in_kernel<Verdict>(verdict_offset); }

    /// The CPUs have a part of the pages each. Returns the longest of their times.
    std::uint64_t touch_all(std::uint64_t writes) {
        const std::uint32_t cpus = cpu_count();
        const std::uint64_t random = settings_.pattern == study::Pattern::random ? 1 : 0;
        ++round_;
        *memory_.in_kernel<Pass>(whole_pass_offset) = {0, DirtyLog::pages(), random, writes,
                                                       round_};
        std::array<std::uint64_t, channel::max_cpus> cycles{};
        Rendezvous start(cpus);
        run_on_cpus(cpus, [&](std::uint32_t cpu) {
            const std::uint64_t first = DirtyLog::pages() * cpu / cpus;
            const std::uint64_t end = DirtyLog::pages() * (cpu + 1) / cpus;
            const std::uint64_t offset = passes_offset + cpu * sizeof(Pass);
            *memory_.in_kernel<Pass>(offset) = {first, end - first, random, writes, round_};
            space_.load();
            start.meet();
            cycles[cpu] = run_user(random != 0 ? touch_at_random : touch_in_order,
                                   in_user_memory(offset), bits_of(end - first))
                              .value();
        });
        return *std::max_element(cycles.begin(), cycles.end());
    }

    void collect_and_clear() {
        collect_.record(carried_out(log_.collect()));
        if (std::exchange(settings_.lose_page, false)) {
            log_.bitmap()[0] &= ~std::uint64_t{1};
        }
        GUEST_EXPECT(
            run_user(judge, in_user_memory(whole_pass_offset), in_user_memory(verdict_offset))
                .returned);
        clear_.record(carried_out(log_.clear()));
    }

    void report(ConstantString name, const stats::Histogram& cycles,
                Counted counted = Counted::no) {
        const channel::DirtyLogging& logging = boot_info().dirty_logging;
        const Verdict& found = verdict();
        report_measurement(
            name, "cycles", cycles,
            {number("pages", DirtyLog::pages()), number("cpus", cpu_count()),
             word("log", logging.kind), word("pattern", settings_.pattern),
             number("writes", settings_.writes), number("initially_set", logging.initially_set),
             number("ring_entries", logging.ring_entries), outcome(number("ring_full", ring_full_)),
             outcome(number("written", found.written)), outcome(number("missing", found.missing)),
             outcome(number("unwritten", found.unwritten)),
             outcome(number("left_over", left_over_))},
            channel::Proof{.checks = found.judged, .violations = found.missing + left_over_},
            counted);
    }

    AddressSpace space_;
    UserMemory memory_{space_};
    DirtyLog log_{memory_};
    PassSettings settings_;
    std::uint64_t round_ = 0;
    std::uint64_t left_over_ = 0;  ///< pages in the log after all were cleared
    std::uint64_t ring_full_ = 0;
    // Too large for a stack.
    static constinit stats::Histogram populate_;
    static constinit stats::Histogram write_;
    static constinit stats::Histogram enable_;
    static constinit stats::Histogram dirty_;
    static constinit stats::Histogram dirty_again_;
    static constinit stats::Histogram collect_;
    static constinit stats::Histogram clear_;
    static constinit stats::Histogram disable_;
    static constinit stats::Histogram dirty_unlogged_;
};

constinit stats::Histogram DirtyLogPhases::populate_{};
constinit stats::Histogram DirtyLogPhases::write_{};
constinit stats::Histogram DirtyLogPhases::enable_{};
constinit stats::Histogram DirtyLogPhases::dirty_{};
constinit stats::Histogram DirtyLogPhases::dirty_again_{};
constinit stats::Histogram DirtyLogPhases::collect_{};
constinit stats::Histogram DirtyLogPhases::clear_{};
constinit stats::Histogram DirtyLogPhases::disable_{};
constinit stats::Histogram DirtyLogPhases::dirty_unlogged_{};

/// Parameters: `rounds`, how often the pages are written while the log is kept, the first time
/// included; `lose_page` (PassSettings); `pattern` (study::Pattern); `writes`, how many of a
/// hundred pages are written and not read. The CPUs' number, the size of the test memory and the
/// kind of log come from outside.
GUEST_TEST(measure_dirty_log, phases,
           {.test_memory = 2 << 20,
            .dirty_logging = {.kind = channel::DirtyLogKind::bitmap},
            .proof = 1,
            .tags = "measures needs-dirty-bitmap"}) {
    const std::uint64_t rounds = parameter("rounds", 3);
    GUEST_REQUIRE(rounds >= 2);
    const PassSettings settings{parameter_of("pattern", study::Pattern::strided),
                                parameter("writes", 100), parameter("lose_page", 0) != 0};
    GUEST_REQUIRE(settings.writes <= 100);
    DirtyLogPhases phases(settings);
    phases.populate();
    phases.write();
    phases.enable();
    phases.dirty();
    for (std::uint64_t round = 1; round < rounds; ++round) {
        phases.dirty_again();
    }
    phases.count_dirty_again();
    phases.expect_empty();
    phases.disable();
    phases.dirty_unlogged();
    phases.report();
}

}  // namespace
}  // namespace nestbed::guest
