// What `nestbed measure shootdown` runs, once per combination of parameters in a fresh VM.

#include "guest/harness/measure.hpp"
#include "guest/harness/shootdown_protocol.hpp"
#include "guest/harness/test.hpp"

namespace nestbed::guest {
namespace {

using shootdown::ProtocolId;

/// Parameters: `pages`, `samples`, `target` (a TargetState), `protocol` (a ProtocolId).
GUEST_TEST(measure_shootdown, latency, {.cpus = 2}) {
    const auto protocol = static_cast<ProtocolId>(parameter("protocol", 0));
    const ExperimentSettings settings{
        .cpus = cpu_count(),
        .pages = parameter("pages", 1),
        .target = static_cast<TargetState>(parameter("target", 0)),
        .samples = parameter("samples", 10),
    };
    GUEST_REQUIRE(settings.pages >= 1);
    GUEST_REQUIRE(settings.pages <= max_experiment_pages);
    GUEST_REQUIRE(static_cast<std::uint64_t>(settings.target) < shootdown::target_state_count);
    GUEST_REQUIRE(static_cast<std::uint64_t>(protocol) < shootdown::protocol_count);

    static stats::Histogram latencies;
    const ExperimentCounts counts = run_shootdowns(protocol, settings, latencies);
    // A latency counts only together with its proof.
    GUEST_EXPECT_EQ(counts.violations, 0U);
    GUEST_EXPECT_GT(counts.reads, 0U);
    report_measurement("shootdown", "cycles", latencies,
                       {word("protocol", name_of(protocol)), number("cpus", settings.cpus),
                        number("pages", settings.pages), word("target", name_of(settings.target)),
                        number("reads", counts.reads), number("stale_reads", counts.stale_reads),
                        number("violations", counts.violations)});
}

}  // namespace
}  // namespace nestbed::guest
