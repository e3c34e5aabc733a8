// What a call to the hypervisor takes, beside its floor: the two take turns on the same vCPU, in
// short blocks, so that whatever disturbs one disturbs the other.
#pragma once

#include <cstdint>

#include "guest/harness/measure.hpp"
#include "guest/harness/statistics.hpp"
#include "guest/kernel/instructions.hpp"
#include "shared/channel/ports.hpp"
#include "shared/stats/histogram.hpp"

namespace nestbed::guest {

/// What the results say of a kind of call.
struct CallKind {
    ConstantString name;
    ConstantString answered_by;
    ConstantString mode = "kernel";  ///< that makes the call, and times it
    /// What the bare loop answers beside it.
    ConstantString floor = "port exit";
    std::uint64_t exits = 0;  ///< of one call
};

inline constexpr char same_exit[] = "same exit";

/// While it exists, the calling vCPU's exits are answered by a bare loop.
class BareLoop {
  public:
    BareLoop() { out(channel::port::bare_loop, 1); }
    ~BareLoop() { out(channel::port::bare_loop, 0); }
    BareLoop(const BareLoop&) = delete;
    BareLoop& operator=(const BareLoop&) = delete;
};

/// Cycles of `operation()`.
template <typename Operation>
[[gnu::always_inline]] inline std::uint64_t cycles_of(Operation&& operation) {
    const std::uint64_t start = read_tsc();
    operation();
    return read_tsc() - start;
}

/// A kernel-mode call, timed alone or, where that would drown in the two RDTSC, sixteen at a time.
template <typename Operation>
class KernelCall {
  public:
    explicit KernelCall(Operation operation) : operation_(operation) {}

    void once() { operation_(); }

    std::uint64_t per_sample() const { return together_ ? 16 : 1; }

    /// Decides how many to a sample, given what nothing takes. Before anything else.
    void prepare(std::uint64_t empty_pair) {
        constexpr std::uint64_t at_least = 20;
        std::uint64_t shortest = ~std::uint64_t{0};
        for (int n = 0; n < 5; ++n) {
            const std::uint64_t cycles = cycles_of(operation_);
            shortest = cycles < shortest ? cycles : shortest;
        }
        together_ = shortest < at_least * empty_pair;
    }

    /// `samples` of them, in cycles per call.
    void sample(stats::Histogram& cycles, std::uint64_t samples) {
        for (std::uint64_t n = 0; n < samples; ++n) {
            cycles.record(together_ ? cycles_of([this] { four_times_four(); }) / 16
                                    : cycles_of(operation_));
        }
    }

  private:
    [[gnu::always_inline]] void four_times() {
        operation_();
        operation_();
        operation_();
        operation_();
    }
    /// Without a loop, whose instructions would count.
    [[gnu::always_inline]] void four_times_four() {
        four_times();
        four_times();
        four_times();
        four_times();
    }

    Operation operation_;
    bool together_ = false;
};

/// A call that times itself: `operation()` returns its cycles.
template <typename Operation>
class TimedCall {
  public:
    explicit TimedCall(Operation operation) : operation_(operation) {}

    void once() { operation_(); }
    std::uint64_t per_sample() const { return 1; }
    void prepare(std::uint64_t) {}
    void sample(stats::Histogram& cycles, std::uint64_t samples) {
        for (std::uint64_t n = 0; n < samples; ++n) {
            cycles.record(operation_());
        }
    }

  private:
    Operation operation_;
};

/// What is found in one VM.
struct CallHistograms {
    stats::Histogram calls;
    stats::Histogram floor;
    stats::Histogram dropped;  ///< of the first after each change of turns
};
extern CallHistograms call_histograms;

/// How often and how long to sample, from the parameters `samples` and `milliseconds`.
class CallBudget {
  public:
    CallBudget();

    bool allows_more() const;

  private:
    std::uint64_t samples_;
    std::uint64_t end_;  ///< of the TSC
};

/// What two RDTSC with nothing between them take: the median, in this mode.
std::uint64_t empty_pair_in_kernel_mode();

/// Exits of this vCPU to the VMM per call, counted by the VMM over so many calls.
inline constexpr std::uint64_t counted_calls = 32;
/// Calls that KVM's counters are read around, one by one.
inline constexpr std::uint64_t counted_regions = 16;

void report_calls(const CallKind& kind, std::uint64_t per_sample, std::uint64_t empty_pair,
                  std::uint64_t exits);

/// Measures `call` beside `floor`, which is made while the bare loop answers, and reports both.
/// Both are prepared. `before_counting()` makes sure that the calls that are counted, fewer than a
/// hundred, are all of the ordinary kind.
template <typename Call, typename Floor, typename Function>
void measure_calls(const CallKind& kind, std::uint64_t empty_pair, Call call, Floor floor,
                   Function before_counting) {
    constexpr std::uint64_t turn = 10;
    CallHistograms& cycles = call_histograms;
    for (const CallBudget budget; budget.allows_more();) {
        {
            const BareLoop bare;
            floor.sample(cycles.dropped, 1);
            floor.sample(cycles.floor, turn);
        }
        call.sample(cycles.dropped, 1);
        call.sample(cycles.calls, turn);
    }
    before_counting();
    const std::uint32_t before = in(channel::port::exits);
    for (std::uint64_t n = 0; n < counted_calls; ++n) {
        call.once();
    }
    // The second reading is an exit itself.
    const std::uint32_t exits = in(channel::port::exits)-before - 1;
    for (std::uint64_t n = 0; n < counted_regions; ++n) {
        count_over([&] { call.once(); });
    }
    report_calls(kind, call.per_sample(), empty_pair, exits);
}

/// The same, of a call whose floor is the same exit.
template <typename Call>
void measure_exits(CallKind kind, std::uint64_t empty_pair, Call call) {
    kind.floor = same_exit;
    kind.exits = 1;
    call.prepare(empty_pair);
    measure_calls(kind, empty_pair, call, call, [] {});
}

/// The same, of a call that never gets to the VMM: the floor is what getting there would take.
template <typename Call, typename Function>
void measure_exitless(const CallKind& kind, Call call, Function before_counting) {
    const std::uint64_t empty_pair = empty_pair_in_kernel_mode();
    KernelCall floor([] { out(channel::port::nothing, 0); });
    floor.prepare(empty_pair);
    call.prepare(empty_pair);
    measure_calls(kind, empty_pair, call, floor, before_counting);
}
template <typename Call>
void measure_exitless(const CallKind& kind, Call call) {
    measure_exitless(kind, call, [] {});
}

}  // namespace nestbed::guest
