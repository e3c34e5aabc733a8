#include "guest/harness/call_experiment.hpp"

#include "guest/kernel/boot.hpp"

namespace nestbed::guest {

constinit CallHistograms call_histograms;

CallBudget::CallBudget()
    : samples_(parameter("samples", 200)),
      // A KVM that does not say how fast its clock is has an ordinary one.
      end_(read_tsc() + parameter("milliseconds", 1000) *
                            (boot_info().tsc_khz != 0 ? boot_info().tsc_khz : 2'000'000)) {}

bool CallBudget::allows_more() const {
    const std::uint64_t taken = call_histograms.calls.count();
    return taken == 0 || (taken < samples_ && read_tsc() < end_);
}

std::uint64_t empty_pair_in_kernel_mode() {
    stats::Histogram& pairs = call_histograms.dropped;
    for (int n = 0; n < 51; ++n) {
        pairs.record(cycles_of([] {}));
    }
    return pairs.quantile(1, 2);
}

void report_calls(const CallKind& kind, std::uint64_t per_sample, std::uint64_t empty_pair,
                  std::uint64_t exits) {
    const std::uint64_t expected = counted_calls * kind.exits;
    report_measurement(
        "hypercall", "cycles", call_histograms.calls,
        {word("kind", kind.name), outcome(word("answered_by", kind.answered_by)),
         outcome(word("mode", kind.mode)), outcome(number("per_sample", per_sample)),
         outcome(number("empty_pair", empty_pair)), outcome(number("counted", counted_calls)),
         outcome(number("exits_of_counted", exits))},
        channel::Proof{.checks = counted_calls,
                       .violations = exits > expected ? exits - expected : expected - exits},
        Counted::yes);
    report_measurement("bare loop", "cycles", call_histograms.floor,
                       {word("kind", kind.name), outcome(word("floor", kind.floor))}, no_claim);
}

}  // namespace nestbed::guest
