// What `nestbed measure shootdown` runs, once per combination of parameters in a fresh VM.

#include "guest/harness/measure.hpp"
#include "guest/harness/refill.hpp"
#include "guest/harness/shootdown_protocol.hpp"
#include "guest/harness/soak.hpp"
#include "guest/harness/study_parameter.hpp"
#include "guest/harness/test.hpp"

namespace nestbed::guest {
namespace {

using shootdown::ProtocolId;

void report(ProtocolId protocol, const ExperimentSettings& settings, const ExperimentCounts& counts,
            const ExperimentHistograms& histograms) {
    const channel::Parameter name = word("protocol", protocol);
    report_measurement(
        "shootdown", "cycles", histograms.shootdown,
        {name, number("cpus", settings.cpus), number("pages", settings.pages),
         word("target", settings.target), word("routing", settings.routing),
         word("flush", settings.flush_policy.primitive),
         number("threshold", settings.flush_policy.threshold),
         number("initiators", settings.initiators), word("spaces", settings.spaces),
         outcome(number("reads", counts.reads)), outcome(number("stale_reads", counts.stale_reads)),
         outcome(number("empty_pair", counts.empty_pair)),
         outcome(number("stolen_from", counts.stolen_from)),
         outcome(word("steal_time",
                      steal_time::is_offered() ? ConstantString("offered") : "not offered"))},
        channel::Proof{.checks = counts.reads, .violations = counts.violations}, Counted::yes);
    if (counts.stolen_from != 0 && histograms.without_steal.count() != 0) {
        report_measurement("shootdown without steal", "cycles", histograms.without_steal, {name},
                           no_claim);
    }
    if (histograms.posted.count() != 0) {
        report_measurement("initiator's part", "cycles", histograms.posted, {name}, no_claim);
    }
    if (histograms.bare.count() != 0) {
        const bool polled = protocol == ProtocolId::polled;
        report_measurement(
            polled ? ConstantString("bare cache line round trip") : "bare ipi round trip", "cycles",
            histograms.bare, {name}, no_claim);
        report_measurement(polled ? ConstantString("cache line round trip with flush")
                                  : "ipi round trip with flush",
                           "cycles", histograms.bare_with_flush, {name}, no_claim);
    }
    histograms.phases.report(protocol);
}

/// Parameters: `protocol` (a ProtocolId), and those of ExperimentSettings.
GUEST_TEST(measure_shootdown, latency, {.cpus = 2, .proof = 1, .tags = "measures"}) {
    const auto protocol = parameter_of("protocol", ProtocolId::global);
    const ExperimentSettings settings = ExperimentSettings::of_parameters();
    static ExperimentHistograms histograms;
    const ExperimentCounts counts = run_shootdowns(protocol, settings, histograms);
    report(protocol, settings, counts, histograms);
}

/// Parameters: `protocol`, `seconds`, `seed`.
GUEST_TEST(measure_shootdown, soak, {.cpus = 2, .proof = 1, .tags = "measures slow"}) {
    const auto protocol = parameter_of("protocol", ProtocolId::global);
    const std::uint64_t khz = boot_info().tsc_khz;
    GUEST_REQUIRE(khz != 0);
    const SoakSettings settings{.cpus = cpu_count(),
                                .cycles = parameter("seconds", 1) * 1000 * khz,
                                .seed = parameter("seed", 1)};
    static stats::Histogram shootdowns;
    const SoakCounts counts =
        shootdown::with_protocol(protocol, [&]<template <typename> typename Protocol>() {
            return run_soak<Protocol>(settings, shootdowns);
        });
    GUEST_EXPECT_GT(shootdowns.count(), 0U);
    report_measurement(
        "shootdown", "cycles", shootdowns,
        {word("protocol", protocol), number("cpus", settings.cpus),
         outcome(number("maps", counts.maps)), outcome(number("remaps", counts.remaps)),
         outcome(number("protects", counts.protects)), outcome(number("unmaps", counts.unmaps)),
         outcome(number("accesses", counts.accesses)), outcome(number("faults", counts.faults)),
         outcome(number("stale_reads", counts.stale_reads))},
        channel::Proof{.checks = counts.accesses, .violations = counts.violations});
}

/// Around Linux's ceiling each number.
constexpr std::uint64_t pages_flushed[] = {1,
                                           2,
                                           4,
                                           8,
                                           16,
                                           paging::max_single_invalidations - 1,
                                           paging::max_single_invalidations,
                                           paging::max_single_invalidations + 1,
                                           64,
                                           128,
                                           256,
                                           512};

// Page by page against everything at once, with what each makes the processor walk again. The two
// take turns, so that whatever disturbs disturbs both.
//
// Parameters: `samples`, `flush` (the FlushPrimitive for everything).
GUEST_TEST(measure_shootdown, crossover, {.tags = "measures"}) {
    const auto primitive = parameter_of("flush", FlushPrimitive::cr3);
    GUEST_REQUIRE(!study::is_by_page(primitive));
    if (!has(primitive)) {
        GUEST_SKIP("the vCPU has no INVPCID");
    }
    const FlushPolicy by_page{.primitive = FlushPrimitive::invlpg, .threshold = WorkingSet::pages};
    const FlushPolicy everything{.primitive = primitive};
    WorkingSet working_set;
    for (const std::uint64_t pages : pages_flushed) {
        static stats::Histogram histograms[2];
        histograms[0] = histograms[1] = {};
        for (std::uint64_t n = parameter("samples", 10); n != 0; --n) {
            histograms[0].record(working_set.invalidate_and_read(pages, by_page));
            histograms[1].record(working_set.invalidate_and_read(pages, everything));
        }
        report_measurement("by page", "cycles", histograms[0],
                           {number("pages", pages), word("flush", by_page.primitive),
                            number("working_set", WorkingSet::pages)},
                           no_claim);
        report_measurement("full flush", "cycles", histograms[1],
                           {number("pages", pages), word("flush", primitive),
                            number("working_set", WorkingSet::pages)},
                           no_claim);
    }
}

}  // namespace
}  // namespace nestbed::guest
